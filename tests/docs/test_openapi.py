"""The examples of docs/openapi.md, run as they stand."""

from pathlib import Path

from tests.docs.test_examples import ROOT, blocks
from tests.gateways import KEY, running

PAGE = (ROOT / "docs" / "openapi.md").read_text()
ORIGIN = "http://localhost:4000"


def test_a_program_reads_the_document(tmp_path: Path) -> None:
    [code] = blocks("python", PAGE)
    config = {
        "model_list": [{"model_name": "echo", "litellm_params": {"model": "offline/echo"}}],
        "general_settings": {"master_key": KEY},
    }
    with running(tmp_path, config) as gateway:
        assert ORIGIN in code
        assert gateway.http.get("/openapi.json").status_code == 200  # the first takes longer than the example waits
        found: dict[str, object] = {}
        exec(compile(code.replace(ORIGIN, gateway.url), "openapi.md", "exec"), found)
    assert found["document"]["openapi"].startswith("3.1")  # type: ignore[index]
