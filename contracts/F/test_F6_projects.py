"""F6, the older ``dynamic_rate_limiter``: what is left of a model is parted among the keys that call it."""

from hashlib import sha256

from contracts.core.test_virtual_keys import generated
from contracts.F.test_F6_shares import called, keyed, statuses
from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("F6", config="F6/projects.yaml")


HEADERS = ["x-litellm-model_group", "x-ratelimit-current-active-projects"] + [
    f"x-ratelimit-remaining-{what}-{unit}" for what in ("litellm-project", "model") for unit in ("requests", "tokens")
]


def refusal(key: str, text: str) -> str:
    """What a refusal says."""
    return f"{{'error': 'Key={sha256(key.encode()).hexdigest()} over available {text}'}}"


def test_requests_of_one_key(case: Case) -> None:
    case.script({"prj-alone-up": []})
    key = generated(case)
    answers = called(case, "prj-alone", [key] * 3)
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200, 200, 429]
    assert answers[0].headers["x-litellm-model_group"] == "prj-alone"
    assert answers[2].json["error"]["message"] == refusal(key, "RPM=0. Model RPM=0, Active keys=1")


def test_two_keys_have_the_half_each(case: Case) -> None:
    case.script({"prj-both-up": []})
    first, second = generated(case), generated(case)
    answers = called(case, "prj-both", [first, second, first, second])
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200, 200, 200, 429]
    assert answers[1].headers["x-ratelimit-remaining-litellm-project-requests"] == "1"
    assert answers[3].json["error"]["message"] == refusal(second, "RPM=0. Model RPM=1, Active keys=2")


def test_tokens(case: Case) -> None:
    case.script({"prj-worded-up": []})
    key = generated(case)
    answers = called(case, "prj-worded", [key] * 3)
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200, 200, 429]
    assert answers[2].json["error"]["message"] == refusal(key, "TPM=0. Model TPM=-10, Active keys=1")


def test_a_model_that_nobody_limits(case: Case) -> None:
    case.script({"prj-free-up": []})
    answers = called(case, "prj-free", [generated(case)])
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200]


@contract("F6", config="F6/projects.yaml", provenance="documented")
def test_a_priority_has_its_share_of_what_is_left(case: Case) -> None:
    case.script({"prj-half-up": []})
    answers = called(case, "prj-half", [keyed(case, "half")] * 4)
    assert statuses(answers) == [200, 200, 200, 429]
