import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main

CONFIG = """
model_list:
  - {model_name: chat, litellm_params: {model: openai/a, api_key: SECRET}}
  - {model_name: chat, litellm_params: {model: openai/b, api_key: SECRET}}
  - {model_name: other, litellm_params: {model: openai/c, api_key: SECRET}}
router_settings:
  fallbacks: [{chat: [other, {model: chat, temperature: 0}]}, {other: []}]
  model_group_alias: {short: chat, quiet: {model: other, hidden: true}}
general_settings: {master_key: SECRET}
"""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG_FILE_PATH", "HOST", "PORT", "NUM_WORKERS", "LITELLM_LOG", "TIANJI_LOG"):
        monkeypatch.delenv(name, raising=False)
    for name in ("LITELLM_MASTER_KEY", "TIANJI_MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "proxy_config.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the server was started with."""
    calls: dict[str, Any] = {}
    monkeypatch.setattr("proxy.server.serve", lambda config, **options: calls.update(options, config=config))
    return calls


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def test_help_imports_no_server() -> None:
    code = "import sys, proxy.cli; print([name for name in ('litestar', 'uvicorn', 'msgspec', 'yaml') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["-h"], ["serve", "-h"], ["config", "check", "--help"]])
def test_every_command_explains_itself(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_the_version_is_the_distribution_s() -> None:
    assert run("--version").output.startswith("tianji, version ")


def test_serve_starts_with_the_config(config: Path, served: dict[str, Any]) -> None:
    result = run("serve", "--config", config, "--port", "4444", "--num_workers", "2", "--log-level", "WARNING")
    assert result.exit_code == 0
    assert served.pop("config").general_settings.master_key == "SECRET"
    assert served == {"host": "0.0.0.0", "port": 4444, "workers": 2, "log_level": "warning"}


@pytest.mark.parametrize(
    ("options", "added", "limits"),
    [
        (["--num_workers", "2"], "", ["cooldowns of deployments"]),
        (["--num_workers", "1"], "", []),
        (["--num_workers", "2"], "router_settings: {redis_host: 127.0.0.1, redis_port: 9}", []),
        (["--num_workers", "2"], "router_settings: {disable_cooldowns: true}", []),
        (
            ["--num_workers", "2"],
            "router_settings: {disable_cooldowns: true, default_max_parallel_requests: 3}\n"
            "general_settings: {master_key: x, max_parallel_requests: 3, global_max_parallel_requests: 0}",
            [
                "general_settings.max_parallel_requests",
                "general_settings.global_max_parallel_requests",
                "router_settings.default_max_parallel_requests",
            ],
        ),
        (
            ["--num_workers", "2"],
            "router_settings: {disable_cooldowns: true, provider_budget_config: {openai: {budget_limit: 1, time_period: 1d}}}",
            ["router_settings.provider_budget_config"],
        ),
        (
            ["--num_workers", "2"],
            "router_settings: {disable_cooldowns: true, provider_budget_config: {openai: {budget_limit: 1, time_period: 1d}}}\n"
            "general_settings: {master_key: x, database_url: 'sqlite:///budgets.db'}",
            ["limits of virtual keys"],
        ),
    ],
)
def test_limits_that_workers_do_not_share_are_named(
    config: Path, served: dict[str, Any], options: list[str], added: str, limits: list[str]
) -> None:
    models, _, _ = CONFIG.partition("router_settings:")
    config.write_text(f"{models}{added or 'router_settings: {}'}\n", encoding="utf-8")
    warnings = [line for line in run("serve", "-c", config, *options).stderr.splitlines() if "workers without" in line]
    expected = f"warning: 2 workers without Redis: each has these limits for itself: {', '.join(limits)}; "
    assert warnings == ([f"{expected}to share them set router_settings.redis_host and redis_port"] if limits else [])


def test_serve_takes_the_reference_s_flags_and_variables(
    config: Path, served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIG_FILE_PATH", str(config))
    monkeypatch.setenv("HOST", "127.0.0.9")
    monkeypatch.setenv("PORT", "4445")
    assert run("serve", "--detailed_debug").exit_code == 0
    assert len(served.pop("config").model_list) == 3
    assert served == {"host": "127.0.0.9", "port": 4445, "workers": 1, "log_level": "debug"}
    monkeypatch.setenv("LITELLM_LOG", "ERROR")
    assert run("serve").exit_code == 0
    assert served["log_level"] == "error"


def test_serve_without_a_config_is_offline_and_local(served: dict[str, Any]) -> None:
    result = run("serve")
    assert served["config"].model_list[0].params.model == "offline/echo"
    assert (served["host"], served["port"]) == ("127.0.0.1", 4000)
    assert "development key sk-1234" in result.output


def test_the_built_in_config_does_not_print_a_key_of_one_s_own(
    served: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIANJI_MASTER_KEY", "sk-mine")
    result = run("serve")
    assert served["config"].general_settings.master_key == "sk-mine"
    assert "sk-" not in result.output


def test_warnings_are_printed_at_the_start(config: Path, served: dict[str, Any]) -> None:
    config.write_text(f"{CONFIG}\nrouter_setings: {{}}\n", encoding="utf-8")
    result = run("serve", "--config", config)
    assert served
    assert result.stderr == (
        f"warning: {config}:11: router_setings: unknown and ignored; did you mean `router_settings`?\n"
    )


@pytest.mark.parametrize("command", [["serve", "--config"], ["config", "check"]])
def test_a_bad_config_is_one_line_and_status_2(config: Path, command: list[str]) -> None:
    config.write_text("general_settings:\n  master_key: os.environ/NOT_SET_ANYWHERE\n", encoding="utf-8")
    result = run(*command, config)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"error: {config}:2: general_settings.master_key: environment variable NOT_SET_ANYWHERE is not set, which would"
        " let every request in; set it\n"
    )


def test_the_whole_program_does_the_same(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "proxy", "serve", "--config", str(tmp_path / "missing.yaml")]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr
        == f"error: {tmp_path / 'missing.yaml'}: cannot be read: No such file or directory; check the path\n"
    )


def test_a_check_says_what_is_served_and_shows_no_secret(config: Path) -> None:
    result = run("config", "check", config)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "2 model groups, 3 deployments, 0 warnings",
        "  chat: 2 x openai/a, openai/b",
        "  other: openai/c",
        "  short: alias of chat",
        "  quiet: alias of other (hidden)",
        "  chat falls back to other, chat",
        "  other falls back to nothing",
        "  routing simple-shuffle, access by master key",
    ]


def test_a_strict_check_fails_on_warnings(config: Path) -> None:
    assert run("config", "check", "--strict", config).exit_code == 0
    config.write_text(f"{CONFIG}\nfoo: 1\n", encoding="utf-8")
    assert run("config", "check", config).exit_code == 0
    result = run("config", "check", "--strict", config)
    assert result.exit_code == 1
    assert ":11: foo: unknown and ignored" in result.stderr


def test_a_check_finds_unknown_providers(config: Path) -> None:
    config.write_text(CONFIG.replace("openai/c", "opnai/c"), encoding="utf-8")
    result = run("config", "check", config)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {config}:5: model_list, model_name 'other': ")
    assert "opnai" in result.stderr


def test_a_check_loads_the_user_s_auth_function(config: Path) -> None:
    config.write_text("general_settings: {custom_auth: my_checked_auth.check}\n", encoding="utf-8")
    result = run("config", "check", config)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {config}:1: general_settings.custom_auth: there is no file ")
    (config.parent / "my_checked_auth.py").write_text("async def check(request, api_key): ...\n", encoding="utf-8")
    result = run("config", "check", config)
    assert result.exit_code == 0
    assert "access by custom_auth" in result.output
