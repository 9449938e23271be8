"""``/`` and ``/test`` need no key."""

from pathlib import Path

from tests.proxy.api.serving import serving

CONFIG = "model_list: [{model_name: echo, litellm_params: {model: offline/echo}}]"


def test_they_answer_without_a_key(tmp_path: Path) -> None:
    with serving(tmp_path, CONFIG, key=None) as client:
        assert client.get("/test").json() == {"route": "/test"}
        about = client.get("/", headers={"accept": "application/json"}).json()
        assert about["contract_version"] == "1.81.14"
        for path in (about["health"]["alive"], about["health"]["ready"]):
            assert client.get(path).status_code == 200
        for path in (about["endpoints"]["models"], about["endpoints"]["model_info"], about["health"]["deployments"]):
            assert client.get(path).status_code == 401
