"""What all ways of signing in answer with."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from litestar import Response
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse

from proxy.api.management.operation import ADMIN_USER, Asked
from proxy.call import NOBODY, Identity
from proxy.errors import GatewayError
from proxy.gateway import Gateway
from proxy.sso import pages, session
from proxy.sso.flow import is_own_path, master_key_of
from proxy.sso.session import Session, root_path
from proxy.sso.settings import Environment

WELCOME = "/ui/?login=success"
"""Where a browser goes with its new session."""


class Themselves(NamedTuple):
    """Who changes something by signing in; for the audit log."""

    gateway: Gateway
    user: str
    caller: Identity = NOBODY
    changed_by: str | None = None


def actor_of(asked: Asked, user_id: str | None) -> Themselves:
    """Somebody who signs in."""
    return Themselves(asked.gateway, user_id or ADMIN_USER)


def no_database() -> GatewayError:
    """Single sign-on needs one."""
    message = "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys"
    return GatewayError(403, message, type="auth_error", param="premium_user")


def base_url(asked: Asked, environment: Environment) -> str:
    """Where clients see the gateway, without a slash at the end: ``PROXY_BASE_URL``, else where this one called."""
    own = environment.get("PROXY_BASE_URL") or str(asked.request.base_url)
    return own.rstrip("/") + root_path()


def is_secure(asked: Asked, environment: Environment) -> bool:
    """Whether they reach it by https, as far as that is known."""
    return base_url(asked, environment).startswith("https://")


def html(page: str, status: int = 200, cookies: Sequence[Cookie] = ()) -> Response[Any]:
    """A page."""
    return Response(page, status_code=status, media_type="text/html", headers=pages.HEADERS, cookies=list(cookies))


class _Redirection(Response[bytes]):
    """It has no body, and so no type of one either, which Litestar would add."""

    def to_asgi_response(self, *given: Any, **options: Any) -> ASGIResponse:
        answer = super().to_asgi_response(*given, **options)
        del answer.headers["content-type"]
        return answer


def redirect(location: str, cookies: Sequence[Cookie] = ()) -> Response[Any]:
    """Send a browser on; what it got here is not for caches."""
    headers = {"location": location, "cache-control": "no-store"}
    return _Redirection(b"", status_code=303, headers=headers, cookies=list(cookies))


async def entered(
    asked: Asked, environment: Environment, made: Session, *, to: str | None = None, cookies: Sequence[Cookie] = ()
) -> Response[Any]:
    """Give a browser its session and send it to ``to``, a path on this gateway."""
    path = to if to is not None and is_own_path(to) else WELCOME
    return redirect(base_url(asked, environment) + path, [await cookie_of(asked, environment, made), *cookies])


async def cookie_of(asked: Asked, environment: Environment, made: Session) -> Cookie:
    """The cookie with a session's token."""
    token = await asyncio.to_thread(session.issue, made, master_key_of(asked.gateway.snapshot.config))
    return Cookie(**session.cookie(token, secure=is_secure(asked, environment)))


async def session_of(asked: Asked) -> Session | None:
    """The session that the caller's cookie holds."""
    token = asked.request.cookies.get(session.COOKIE)
    key = asked.gateway.snapshot.config.general_settings.master_key
    return await asyncio.to_thread(session.read, token, key) if token and key else None
