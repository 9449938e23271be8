"""D1: the aliases of all keys. A file of its own: nothing else may make keys in its database."""

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_aliases.yaml")


def test_aliases_are_sorted_and_each_is_there_once(case: Case) -> None:
    for alias in ("c-alias", "a-alias", " b-alias "):
        case.post("/key/generate", {"key_alias": alias})
    case.post("/key/generate", {})
    answer = case.get("/key/aliases")
    case.assert_same_as_recorded()
    assert set(answer.json["aliases"]) == {"a-alias", "b-alias", "c-alias"}
    assert answer.json["aliases"][-1] == "c-alias"
