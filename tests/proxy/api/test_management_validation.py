"""What no query of the management may say."""

from pathlib import Path

import pytest

from tests.proxy.api.serving import KEY, serving

CONFIG = f"""
model_list: [{{model_name: echo, litellm_params: {{model: offline/echo}}}}]
general_settings: {{master_key: {KEY}, database_url: "sqlite:///FOLDER/gateway.db"}}
"""


@pytest.mark.parametrize("path", ["/team/filter/ui", "/user/list", "/audit", "/v2/team/list", "/spend/logs/v2"])
def test_a_number_that_no_database_has(tmp_path: Path, path: str) -> None:
    with serving(tmp_path, CONFIG.replace("FOLDER", str(tmp_path))) as client:
        answers = [client.get(path, params={"page": page}) for page in (2**31, 2**64, -(2**31), 10**30)]
    assert [answer.status_code for answer in answers] == [422] * len(answers)
    assert [answer.json()["detail"][0]["loc"] for answer in answers] == [["query", "page"]] * len(answers)


def test_the_largest_page(tmp_path: Path) -> None:
    with serving(tmp_path, CONFIG.replace("FOLDER", str(tmp_path))) as client:
        answer = client.get("/team/filter/ui", params={"page": 2**31 - 1})
    assert (answer.status_code, answer.json()) == (200, [])
