"""A browser in which somebody signs in: it keeps cookies, and goes where it is sent as far as a case says."""

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from fixtures.oidc_replies import signed_in

NO_STATE = "0" * 32
"""What it comes back with when it was sent without a state."""


class Browser:
    """Of one person. What the gateway sets is kept; what is `HttpOnly` is sent back all the same."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.cookies: dict[str, str] = {}
        self.asked: dict[str, str] = {}
        """The query with which it was last sent to the identity provider."""

    def begin(self, path: str = "/sso/key/generate") -> Exchange:
        """Ask for the sign-in."""
        answer = self.get(path)
        self.asked = dict(parse_qsl(urlsplit(answer.headers.get("location", "")).query))
        return answer

    def come_back(self, code: str, path: str = "/sso/callback") -> Exchange:
        """The identity provider sends it back with a code."""
        return self.get(f"{path}?code={code}&state={quote(self.asked.get('state', NO_STATE), safe='')}")

    def sign_in(self, code: str, claims: Mapping[str, Any]) -> Exchange:
        """From the beginning to the session, as the person of whom the provider says these claims."""
        self._case.script({code: signed_in(claims)})
        self.begin()
        return self.come_back(code)

    def get(self, path: str) -> Exchange:
        """Any page, without a key."""
        return self.keep(self._case.get(path, key=None, headers=self.headers))

    @property
    def headers(self) -> dict[str, str]:
        """The cookies, if there are any."""
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}

    def keep(self, answer: Exchange) -> Exchange:
        """Keep the cookies of an answer."""
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


def session(answer: Exchange) -> dict[str, Any]:
    """The claims of the session that an answer gives."""
    [token] = (line for line in answer.headers.get_list("set-cookie") if line.startswith("token="))
    payload = token.removeprefix("token=").partition(";")[0].split(".")[1]
    claims: dict[str, Any] = msgspec.json.decode(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def leave(case: Case, *user_ids: str) -> None:
    """Delete users again: the reference lets nobody sign in any more when it has more than five."""
    case.post("/user/delete", {"user_ids": list(user_ids)})
