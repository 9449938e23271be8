"""D1: people are invited, open the link, and set their password."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/invitations.yaml")

SECRETS = ["body.token", "body.login_url"]


def admin(case: Case, name: str) -> str:
    """The key of an admin with a user of his own, which the reference wants of who invites."""
    key: str = case.post("/user/new", {"user_id": name, "user_role": "proxy_admin"}).json["key"]
    return key


def invited(case: Case, name: str) -> str:
    """The id of an invitation of the new user ``NAME``, by the admin ``NAME-admin``."""
    fields = {"user_id": name, "user_email": f"{name}@invited.test", "auto_create_key": False}
    case.post("/user/new", {**fields, "user_role": "internal_user"})
    link: str = case.post("/invitation/new", {"user_id": name}, key=admin(case, f"{name}-admin")).json["id"]
    return link


def claim(case: Case, link: str, user: str, password: str = "open sesame") -> Exchange:  # noqa: S107
    return case.post(
        "/onboarding/claim_token", {"invitation_link": link, "user_id": user, "password": password}, key=None
    )


def test_an_invitation(case: Case) -> None:
    link = invited(case, "asked-user")
    found = case.get(f"/invitation/info?invitation_id={link}")
    case.assert_same_as_recorded()
    assert (found.json["user_id"], found.json["created_by"]) == ("asked-user", "asked-user-admin")
    assert found.json["is_accepted"] is False
    assert found.json["accepted_at"] is None
    assert found.json["expires_at"] > found.json["created_at"]


def test_the_master_key_invites(case: Case) -> None:
    """In the reference it has no user, and then says that the invited one is missing."""
    case.post("/user/new", {"user_id": "masters-guest", "auto_create_key": False})
    answer = case.post("/invitation/new", {"user_id": "masters-guest"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["created_by"] == "default_user_id"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_invitation_is_changed_and_deleted(case: Case) -> None:
    link = invited(case, "changed-guest")
    key = admin(case, "changing-host")
    accepted = case.post("/invitation/update", {"invitation_id": link, "is_accepted": True}, key=key)
    deleted = case.post("/invitation/delete", {"invitation_id": link}, key=key)
    gone = case.get(f"/invitation/info?invitation_id={link}")
    case.assert_same_as_recorded()
    assert accepted.json["is_accepted"] is True
    assert accepted.json["updated_by"] == "changing-host"
    assert deleted.json["id"] == link
    assert gone.status == 400


def test_what_is_not_there(case: Case) -> None:
    key = admin(case, "searching-host")
    answers = [
        case.post("/invitation/new", {"user_id": "nobody-to-invite"}, key=key),
        case.post("/invitation/new", {}, key=key),
        case.get("/invitation/info?invitation_id=no-such", key=key),
        case.get("/invitation/info", key=key),
        case.post("/invitation/update", {"invitation_id": "no-such", "is_accepted": True}, key=key),
        case.post("/invitation/update", {"invitation_id": "no-such"}, key=key),
        case.post("/invitation/delete", {"invitation_id": "no-such"}, key=key),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [400, 422, 400, 422, 400, 422, 400]


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer"])
def test_users_invite_nobody(case: Case, role: str) -> None:
    case.post("/user/new", {"user_id": f"guest-of-{role}", "auto_create_key": False})
    key = case.post("/user/new", {"user_id": f"inviting-{role}", "user_role": role}).json["key"]
    answers = [
        case.post("/invitation/new", {"user_id": f"guest-of-{role}"}, key=key),
        case.post("/invitation/delete", {"invitation_id": "any"}, key=key),
        case.get("/invitation/info?invitation_id=any", key=key),
        case.post("/invitation/update", {"invitation_id": "any", "is_accepted": True}, key=key),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [400, 400, 401, 401]
    assert f"your role={role}" in answers[0].json["error"]["message"]


def team_admin(case: Case, name: str) -> str:
    """The key of an admin of the team ``NAME-team``, which has the member ``NAME-member``."""
    key: str = case.post("/user/new", {"user_id": name, "user_role": "internal_user"}).json["key"]
    members = [{"user_id": name, "role": "admin"}, {"user_id": f"{name}-member", "role": "user"}]
    case.post("/team/new", {"team_id": f"{name}-team", "members_with_roles": members})
    return key


def test_a_teams_admin_invites_its_members(case: Case) -> None:
    """In the reference; whoever opens the link is the member, everywhere."""
    key = team_admin(case, "team-host")
    case.post("/user/new", {"user_id": "team-stranger", "auto_create_key": False})
    member = case.post("/invitation/new", {"user_id": "team-host-member"}, key=key)
    stranger = case.post("/invitation/new", {"user_id": "team-stranger"}, key=key)
    deleted = case.post("/invitation/delete", {"invitation_id": member.json.get("id")}, key=key)
    assert stranger.status == 400

    def as_recorded(member: Exchange, deleted: Exchange) -> None:
        assert (member.status, deleted.status) == (200, 200)

    def required(member: Exchange, deleted: Exchange) -> None:
        assert (member.status, member.json) == (400, stranger.json)
        assert deleted.status == 422

    case.deviates(member, deleted, as_recorded=as_recorded, required=required)


def test_a_teams_admin_deletes_no_others_invitations(case: Case) -> None:
    key = team_admin(case, "nosy-host")
    link = invited(case, "others-guest")
    answer = case.post("/invitation/delete", {"invitation_id": link}, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 403


def test_a_link_is_opened_and_claimed(case: Case) -> None:
    link = invited(case, "opening-user")
    early = claim(case, link, "opening-user")
    opened = case.get(f"/onboarding/get_token?invite_link={link}", key=None)
    found = case.get(f"/invitation/info?invitation_id={link}")
    claimed = claim(case, link, "opening-user")
    case.assert_same_as_recorded(ignore=[*SECRETS, "body.password", "body.metadata"])
    assert early.status == 401
    assert opened.json["user_email"] == "opening-user@invited.test"
    assert "/ui/onboarding?token=" in opened.json["login_url"]
    assert opened.json["token"] in opened.json["login_url"]
    assert found.json["is_accepted"] is True
    assert found.json["updated_by"] == "opening-user"
    assert claimed.status == 200


def test_no_password_is_shown(case: Case) -> None:
    """In the reference the answer has its hash, which signs in as well as the password."""
    link = invited(case, "shown-user")
    case.get(f"/onboarding/get_token?invite_link={link}", key=None)
    answer = claim(case, link, "shown-user")

    def as_recorded(answer: Exchange) -> None:
        assert len(answer.json["password"]) == 64

    def required(answer: Exchange) -> None:
        assert answer.json["password"] is None

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_link_is_claimed_once(case: Case) -> None:
    """In the reference whoever finds the link sets another password, and is given keys, for a week."""
    link = invited(case, "once-user")
    case.get(f"/onboarding/get_token?invite_link={link}", key=None)
    first = claim(case, link, "once-user")
    second = claim(case, link, "once-user", "another password")
    opened = case.get(f"/onboarding/get_token?invite_link={link}", key=None)
    assert first.status == 200

    def as_recorded(second: Exchange, opened: Exchange) -> None:
        assert (second.status, opened.status) == (200, 200)

    def required(second: Exchange, opened: Exchange) -> None:
        assert (second.status, opened.status) == (401, 401)
        assert second.json == opened.json == {"detail": {"error": "Invitation link has expired."}}

    case.deviates(second, opened, as_recorded=as_recorded, required=required)


def test_links_that_lead_nowhere(case: Case) -> None:
    link = invited(case, "elsewhere-user")
    case.get(f"/onboarding/get_token?invite_link={link}", key=None)
    answers = [
        case.get("/onboarding/get_token?invite_link=no-such", key=None),
        case.get("/onboarding/get_token", key=None),
        claim(case, "no-such", "elsewhere-user"),
        claim(case, link, "somebody-else"),
        case.post("/onboarding/claim_token", {"invitation_link": link}, key=None),
    ]
    case.assert_same_as_recorded(ignore=SECRETS)
    assert [answer.status for answer in answers] == [401, 422, 401, 401, 422]


def test_a_session_of_a_link_works(case: Case) -> None:
    """Its key is the user's."""
    link = invited(case, "session-user")
    opened = case.get(f"/onboarding/get_token?invite_link={link}", key=None)
    found = case.get("/user/info?user_id=session-user")
    case.assert_same_as_recorded(ignore=SECRETS)
    assert opened.status == 200
    assert found.json["keys"] == []


def test_deleted_users_have_no_invitations(case: Case) -> None:
    link = invited(case, "leaving-user")
    case.post("/user/delete", {"user_ids": ["leaving-user"]})
    answer: Any = case.get(f"/onboarding/get_token?invite_link={link}", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
