"""D1: the config says who may make keys, and a function of the user has its say."""

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_restrictions.yaml")


def user_key(case: Case, name: str) -> str:
    case.post("/user/new", {"user_id": name, "user_role": "internal_user", "auto_create_key": False})
    key: str = case.post("/key/generate", {"user_id": name, "key_alias": f"of-{name}"}).json["key"]
    return key


def test_a_rule_refuses_a_key(case: Case) -> None:
    named = case.post("/key/generate", {"key_alias": "refused-by-rule"})
    costly = case.post("/key/generate", {"key_alias": "too-costly", "max_budget": 51})
    fine = case.post("/key/generate", {"key_alias": "let-through"})
    case.assert_same_as_recorded()
    assert named.status == costly.status == 403
    assert "this alias is refused by a rule" in named.json["error"]["message"]
    assert fine.status == 200


def test_fields_that_keys_must_have(case: Case) -> None:
    answer = case.post("/key/generate", {"max_budget": 1})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Required param key_alias not in data" in answer.json["error"]["message"]


def test_roles_that_may_have_keys_of_their_own(case: Case) -> None:
    user = user_key(case, "restricted-user")
    answer = case.request("POST", "/key/generate", json={"key_alias": "not-for-users"}, key=user)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Your role=internal_user" in answer.json["error"]["message"]


def test_members_that_may_make_keys_of_their_team(case: Case) -> None:
    members = [{"role": "user", "user_id": "plain-member"}, {"role": "admin", "user_id": "admin-member"}]
    case.post("/team/new", {"team_id": "restricted-team", "members_with_roles": members})
    plain, admin = user_key(case, "plain-member"), user_key(case, "admin-member")
    refused = case.request("POST", "/key/generate", json={"team_id": "restricted-team"}, key=plain)
    incomplete = case.request("POST", "/key/generate", json={"team_id": "restricted-team"}, key=admin)
    case.assert_same_as_recorded()
    assert refused.status == incomplete.status == 400
    assert "not in allowed_team_member_roles" in refused.json["error"]["message"]
    assert "Required param tags" in incomplete.json["error"]["message"]


def test_teams_must_be_known(case: Case) -> None:
    answer = case.post("/key/generate", {"team_id": "no-such-team", "key_alias": "of-no-team"})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Unable to find team object" in answer.json["error"]["message"]
