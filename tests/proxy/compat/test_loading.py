import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.compat.loading import load_object
from proxy.config.errors import ConfigError
from tests.proxy.compat.conftest import Write

KEY = "general_settings.custom_auth"


def refused(dotted: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_object(dotted, folder, key=KEY)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(f"{KEY}: ")
    return message.removeprefix(f"{KEY}: ").replace(f"{folder}/", "")


def test_a_file_beside_the_config_comes_first(folder: Path, write: Write) -> None:
    write("calendar.py", "month = 'mine'\n")
    assert load_object("calendar.month", folder, key=KEY) == "mine"
    import calendar

    assert calendar.month != "mine"


def test_dots_are_folders(folder: Path, write: Write) -> None:
    write("hooks/deep/auth.py", "thing = 1\n")
    assert load_object("hooks.deep.auth.thing", folder, key=KEY) == 1


def test_an_installed_module_is_the_second_choice(folder: Path) -> None:
    import json

    assert load_object("json.dumps", folder, key=KEY) is json.dumps


def test_a_file_is_run_once(folder: Path, write: Write) -> None:
    write("mine.py", "a = object()\nb = object()\n")
    first = load_object("mine.a", folder, key=KEY)
    assert load_object("mine.a", folder, key=KEY) is first
    assert load_object("mine.b", folder, key=KEY) is not first


def test_files_of_one_name_in_two_folders_are_two_modules(folder: Path, write: Write) -> None:
    write("one/mine.py", "who = 'one'\n")
    write("two/mine.py", "who = 'two'\n")
    assert load_object("mine.who", folder / "one", key=KEY) == "one"
    assert load_object("mine.who", folder / "two", key=KEY) == "two"
    assert load_object("mine.who", folder / "one", key=KEY) == "one"


def test_a_file_may_import_its_neighbours(folder: Path, write: Write) -> None:
    write("helper_of_mine.py", "value = 5\n")
    write("mine.py", "from helper_of_mine import value\n")
    assert load_object("mine.value", folder, key=KEY) == 5


def test_dataclasses_find_their_module(folder: Path, write: Write) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\n"
    )
    write("mine.py", text)
    assert load_object("mine.A", folder, key=KEY)().x == 1


USUAL_IMPORTS = """
import litellm
from fastapi import HTTPException, Request, status
from litellm import ModelResponse, RateLimitError
from litellm._logging import verbose_proxy_logger
from litellm.caching.caching import DualCache
from litellm.exceptions import AuthenticationError
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import GenerateKeyRequest, LitellmUserRoles, ProxyException, UserAPIKeyAuth
from litellm.proxy.proxy_server import UserAPIKeyAuth as TheSame
from litellm.types.utils import CallTypesLiteral, StandardLoggingPayload
from starlette.requests import Request as Starlette


class Handler(CustomLogger):
    pass


async def check(request: Request, api_key: str) -> UserAPIKeyAuth:
    from litellm.proxy._types import UserAPIKeyAuth as Later
    assert Later is UserAPIKeyAuth is TheSame
    return Later(api_key=api_key, user_role=LitellmUserRoles.INTERNAL_USER)


codes = (status.HTTP_401_UNAUTHORIZED, RateLimitError("m", "openai", "gpt").status_code, AuthenticationError().status_code)
names = (RateLimitError("m", "openai", "gpt").message, litellm.set_verbose)
handler = Handler()
"""


def test_usual_imports_work_without_the_reference(folder: Path, write: Write) -> None:
    from proxy.compat.custom_logger import CustomLogger

    write("mine.py", USUAL_IMPORTS)
    assert load_object("mine.codes", folder, key=KEY) == (401, 429, 401)
    assert load_object("mine.names", folder, key=KEY) == ("litellm.RateLimitError: m", False)
    assert isinstance(load_object("mine.handler", folder, key=KEY), CustomLogger)


async def _later(folder: Path) -> str:
    return str((await load_object("mine.check", folder, key=KEY)(None, "sk-1")).user_role)


def test_imports_inside_a_function_get_the_same_classes(folder: Path, write: Write) -> None:
    import asyncio

    write("mine.py", USUAL_IMPORTS)
    assert asyncio.run(_later(folder)) == "internal_user"


def test_installed_packages_win(folder: Path, write: Write) -> None:
    write("installed/litellm/__init__.py", "real = True\n")
    write("mine.py", "from litellm import real\n")
    sys.path.append(str(folder / "installed"))
    assert load_object("mine.real", folder, key=KEY) is True


def test_nothing_is_served_before_a_file_is_loaded() -> None:
    code = "import sys, proxy.compat.loading; print('_StandIns' in {type(finder).__name__ for finder in sys.meta_path})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_other_packages_are_not_touched(folder: Path, write: Write) -> None:
    write("mine.py", "a = 1\n")
    load_object("mine.a", folder, key=KEY)
    assert importlib.util.find_spec("exceptions") is None
    assert importlib.util.find_spec("proxy_server") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import litellm.proxy.utils\n",
            "mine.py:1: No module named 'litellm.proxy.utils': the gateway has no stand-in",
        ),
        ("\nfrom litellm import Router\n", "mine.py:2: cannot import name 'Router' from 'litellm'"),
        ("import not_installed_anywhere\n", "mine.py:1: No module named 'not_installed_anywhere'; install what it imp"),
        ("a = 1\ndef f(:\n", "mine.py:2: SyntaxError: "),
        ("\n\nraise ValueError('no\\nway')\n", "mine.py:3: ValueError: no way; correct the file"),
        ("import sys\nsys.exit(3)\n", "mine.py:2: SystemExit: 3; correct the file"),
        ("def chek(): pass\n", "mine.py has no `check`; did you mean `chek`?"),
        ("", "mine.py has no `check`; check the name"),
    ],
)
def test_a_file_that_fails_is_named_with_its_line(folder: Path, write: Write, text: str, message: str) -> None:
    write("mine.py", text)
    assert refused("mine.check", folder).startswith(message)


def test_a_file_that_failed_may_be_corrected(folder: Path, write: Write) -> None:
    write("mine.py", "raise ValueError\n")
    refused("mine.check", folder)
    write("mine.py", "check = 'now it is longer'\n")
    assert load_object("mine.check", folder, key=KEY) == "now it is longer"


def test_no_file_and_no_module(folder: Path) -> None:
    assert refused("nope.check", folder) == "there is no file nope.py and no installed module nope; correct the path"
    assert refused("json.nope.check", folder).startswith(
        "there is no file json/nope.py and no installed module json.nope"
    )


@pytest.mark.parametrize("dotted", ["", "check", ".check", "a..b", "a.b-c", "s3://bucket/mine.check", "/etc/x.y"])
def test_what_is_no_dotted_path(folder: Path, dotted: str) -> None:
    assert refused(dotted, folder).startswith("not a dotted path; write file.function")
