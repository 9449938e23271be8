"""Log lines: their form, and what is kept out of them."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import logs
from proxy.config.model import DeploymentParams, GeneralSettings, ModelEntry, ProxyConfig, Settings
from proxy.logs import Redactor, configure, secrets_of

NAMES = ("", "proxy", "uvicorn", "proxy.test", "some.library")
CONFIG = ProxyConfig(
    model_list=(
        ModelEntry(
            model_name="group",
            params=DeploymentParams(
                model="openai/gpt",
                api_base="https://vendor.test",
                api_key="azure-like-0123456789abcdef",
                extra_headers={"X-Api-Key": "header-secret-1", "accept": "application/json"},
                other={"aws_secret_access_key": "aws-secret-1", "vertex_credentials": {"private_key": "pem-secret-1"}},
            ),
        ),
    ),
    general_settings=GeneralSettings(master_key="my master key"),
    environment_variables={"VENDOR_API_KEY": "variable-secret-1", "STAGE": "production"},
    folder=Path(),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging is one for the whole process."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in NAMES}
    yield
    root.handlers[:] = handlers
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_one_json_object_a_line() -> None:
    stream = io.StringIO()
    configure("info", CONFIG, stream)
    logging.getLogger("proxy.test").info("hello %s", 'wörld "quoted"\nnext')
    logging.getLogger("uvicorn.error").warning("from the server")
    first, second = lines(stream)
    assert first.keys() == {"timestamp", "level", "logger", "message"}
    assert (first["level"], first["logger"], first["message"]) == (
        "INFO",
        "proxy.test",
        'hello wörld "quoted"\nnext',
    )
    assert (second["logger"], second["message"]) == ("uvicorn.error", "from the server")


def test_a_traceback_is_part_of_its_line() -> None:
    stream = io.StringIO()
    configure("info", CONFIG, stream)
    try:
        raise ValueError("api_key=topsecret1")
    except ValueError:
        logging.getLogger("proxy.test").exception("it failed")
    [line] = lines(stream)
    assert line["stacktrace"].startswith("Traceback")
    assert "ValueError: api_key=***" in line["stacktrace"]
    assert "topsecret1" not in stream.getvalue()


def test_lines_carry_the_call_that_they_belong_to() -> None:
    stream = io.StringIO()
    configure("info", CONFIG, stream)

    async def serve(call: str) -> None:
        logs.call_id.set(call)
        await asyncio.sleep(0)
        logging.getLogger("proxy.test").info("served %s", call)

    async def both() -> None:
        await asyncio.gather(*(asyncio.create_task(serve(call)) for call in ("one", "two")))
        logging.getLogger("proxy.test").info("done")

    asyncio.run(both())
    assert [(line["message"], line.get("call_id")) for line in lines(stream)] == [
        ("served one", "one"),
        ("served two", "two"),
        ("done", None),
    ]


def test_people_get_text_and_no_forged_lines() -> None:
    stream = Terminal()
    configure("info", CONFIG, stream)
    logging.getLogger("proxy.test").info("model %s", "x\n12:00:00 INFO forged\x1b[2J")
    [line] = stream.getvalue().splitlines()
    assert line.endswith("INFO     proxy.test: model x 12:00:00 INFO forged\\x1b[2J")


def test_json_can_be_asked_for_on_a_terminal() -> None:
    stream = Terminal()
    configure("info", ProxyConfig(settings=Settings(json_logs=True), folder=Path()), stream)
    logging.getLogger("proxy.test").info("hello")
    assert lines(stream)[0]["message"] == "hello"


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("error", set()),
        ("warning", {"proxy.test warning"}),
        ("info", {"proxy.test info", "proxy.test warning", "some.library info"}),
        ("debug", {"proxy.test debug", "proxy.test info", "proxy.test warning", "some.library info"}),
    ],
)
def test_levels(level: str, written: set[str]) -> None:
    stream = io.StringIO()
    configure(level, CONFIG, stream)
    logging.getLogger("proxy.test").warning("warning")
    for name in ("proxy.test", "some.library"):
        logging.getLogger(name).info("info")
        logging.getLogger(name).debug("debug")
    assert {f"{line['logger']} {line['message']}" for line in lines(stream)} == written


def test_what_nobody_reads_is_not_formatted() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    configure("info", CONFIG, io.StringIO())
    logging.getLogger("proxy.test").debug("%s", Costly())


def test_the_secrets_of_a_config() -> None:
    assert secrets_of(CONFIG) == {
        "azure-like-0123456789abcdef",
        "header-secret-1",
        "aws-secret-1",
        "pem-secret-1",
        "my master key",
        "variable-secret-1",
    }


def test_known_secrets_are_taken_out_wherever_they_stand() -> None:
    stream = io.StringIO()
    configure("info", CONFIG, stream)
    for secret in secrets_of(CONFIG):
        logging.getLogger("proxy.test").info("vendor says: %s?", secret)
    assert {line["message"] for line in lines(stream)} == {"vendor says: ***?"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key sk-abcdef0123", "key sk-***"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("{'authorization': 'Bearer abc'}", "{'authorization': 'Bearer ***'}"),
        ("(b'x-api-key', b'abc123')", "(b'x-api-key', b'***')"),
        ('{"api_key": "abc", "model": "gpt"}', '{"api_key": "***", "model": "gpt"}'),
        ("api_key=abc&model=gpt", "api_key=***"),
        ("password: hunter2, user: me", "password: ***, user: me"),
        ("redis://me:hunter2@cache:6379/0", "redis://***@cache:6379/0"),
        ("postgres://:hunter2@db/x", "postgres://***@db/x"),
        ("aws_secret_access_key='abc'", "aws_secret_access_key='***'"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str, expected: str) -> None:
    assert Redactor()(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 5, total_tokens=15",
        "http://127.0.0.1:4000/v1/models",
        "task-force risk-averse disk-1234",
        "deployment dep-1 of group cools down for 5 s",
        "Incorrect API key provided",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    assert Redactor()(text) == text


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_known_secret_never_survives(before: str, after: str) -> None:
    assert "topsecret-value" not in Redactor({"topsecret-value"})(f"{before}topsecret-value{after}")
