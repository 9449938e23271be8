"""The examples of the README and of the pages, run as they stand."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PORT = 4000


def blocks(language: str, text: str = README) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


CONFIGS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for number, block in enumerate(blocks("yaml", page.read_text()))
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`tianji serve`, as `make serve` starts it, on a free port, in a folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("serve")
    process = subprocess.Popen([sys.executable, "-m", "proxy", "serve", "--port", str(port)], cwd=folder)
    try:
        for _ in range(100):
            try:
                httpx.get(f"http://127.0.0.1:{port}/health/readiness").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def test_the_first_curl_is_answered(gateway: str) -> None:
    [command] = [block for block in blocks("sh") if block.startswith("curl")]
    done = subprocess.run(
        ["bash", "-c", command.replace(f"127.0.0.1:{PORT}", gateway)], capture_output=True, text=True, check=True
    )
    assert "You said: Hello" in done.stdout


def test_the_openai_sdk_chats_and_streams(gateway: str) -> None:
    assert _printed("from openai import OpenAI", gateway) == "You said: Hello\nYou said: Hello again"


def test_the_anthropic_sdk_is_answered(gateway: str) -> None:
    assert _printed("from anthropic import Anthropic", gateway) == "You said: Hello\n"


def test_a_virtual_key_is_made_and_used(gateway: str) -> None:
    assert _printed("import httpx", gateway) == "You said: Hello\n5.0\n"


def _printed(beginning: str, gateway: str) -> str:
    [program] = [block for block in blocks("python") if block.startswith(beginning)]
    program = program.replace(f"127.0.0.1:{PORT}", gateway)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_can_be_served(tmp_path: Path, config: str) -> None:
    (tmp_path / "proxy_config.yaml").write_text(config)
    done = subprocess.run(
        [sys.executable, "-m", "proxy", "config", "check", "--strict", "proxy_config.yaml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            "ANTHROPIC_API_KEY": "sk-x",
            "OPENAI_API_KEY": "sk-x",
            "AZURE_API_KEY": "x",
            "GEMINI_API_KEY": "x",
            "VERTEX_ACCOUNT": "x",
            "DATABASE_URL": "sqlite:///gateway.db",
            "MASTER_KEY": "sk-1",
            "LITELLM_MASTER_KEY": "sk-1",
            "PYTHONPATH": str(ROOT),
        },
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "model_list" in config


@pytest.mark.parametrize("target", ["install", "serve", "test", "reference"])
def test_the_make_targets_exist(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
