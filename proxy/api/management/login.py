"""Signing in with a name and a password: the administrator's, of the environment, or a user's, of the database."""

import asyncio
import hmac
import os
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException

from proxy.api.management.operation import ADMIN_USER, Asked
from proxy.api.management.signing_in import WELCOME, actor_of, base_url, cookie_of, entered, html
from proxy.api.plain import json_response
from proxy.auth.permissions import Role
from proxy.errors import GatewayError
from proxy.management.audit import record
from proxy.management.passwords import verify_password
from proxy.management.teams import users_called
from proxy.sso import pages
from proxy.sso.flow import master_key_of
from proxy.sso.session import Session, root_path
from proxy.sso.stored import known
from proxy.sso.users import open_session
from proxy.store.rows import Row, change, find
from proxy.store.tables import users
from proxy.store.upsert import upsert

WRONG: Final = "Invalid credentials used to access UI.\n"
TRIES: Final = 20
TRY_SECONDS: Final = 300.0
"""So many wrong passwords in this time, for one name from one address, and the next must wait."""


async def form(asked: Asked) -> Response[Any]:  # noqa: ARG001
    """A form for name and password, for when the identity provider is away."""
    return html(pages.login_form(root_path()))


async def login(asked: Asked) -> Response[Any]:
    """Sign in with the fields ``username`` and ``password`` of a form."""
    try:
        given = await asked.request.form()
    except (HTTPException, ValueError):
        given = {}  # type: ignore[assignment]
    made = await _session(asked, _text(given.get("username")), _text(given.get("password")))
    return await entered(asked, (await known(asked.gateway.snapshot.config, asked.gateway.store)).environment, made)


async def login_json(asked: Asked) -> Response[Any]:
    """Sign in with a JSON object of ``username`` and ``password``."""
    try:
        given = msgspec.json.decode(await asked.request.body(), type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        raise GatewayError(
            400, 'The body must be a JSON object such as {"username": "admin", "password": "..."}', type="auth_error"
        ) from None
    made = await _session(asked, _text(given.get("username")), _text(given.get("password")))
    environment = (await known(asked.gateway.snapshot.config, asked.gateway.store)).environment
    answer = json_response({"redirect_url": base_url(asked, environment) + WELCOME})
    answer.cookies = [await cookie_of(asked, environment, made)]
    return answer


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


async def _session(asked: Asked, name: str, password: str) -> Session:
    """A session for who knows the password.

    Raises:
        GatewayError: 400, there is no database; 401, nobody is called so or the password is wrong; 429, too often.
    """
    master_key = master_key_of(asked.gateway.snapshot.config)
    peer = asked.request.client.host if asked.request.client else ""
    tries = f"sign-in:{peer}:{name[:200]}"
    if await asked.gateway.state.add(tries, 1, TRY_SECONDS) > TRIES:  # before the check: tries at once count, too
        await asked.gateway.state.add(tries, -1, TRY_SECONDS)
        raise GatewayError(
            429, "Too many wrong passwords; try again in some minutes", type="auth_error", param="invalid_credentials"
        )
    try:
        made = await _checked(asked, name, password, master_key)
    except GatewayError as error:
        if error.status != 401:
            await asked.gateway.state.add(tries, -1, TRY_SECONDS)
        raise
    await asked.gateway.state.add(tries, -1, TRY_SECONDS)
    return made


async def _checked(asked: Asked, name: str, password: str, master_key: str) -> Session:
    config = asked.gateway.snapshot.config
    admin_name = os.environ.get("UI_USERNAME", "admin")
    admin_password = os.environ.get("UI_PASSWORD", master_key)
    if _same(name, admin_name) & _same(password, admin_password):
        if asked.gateway.store is None:
            raise GatewayError(400, "Authentication Error, Not connected to DB!", type="auth_error")
        async with asked.store.writing("access") as connection:
            user = await _admin(asked, connection)
            made = await open_session(connection, config, user, "username_password", shown_id=ADMIN_USER)
        return msgspec.structs.replace(made, user_email=None, user_role=Role.ADMIN.value)
    user = await _user_called(asked, name)
    if user["password"] is None:
        raise _refused("User has no password set. Please set a password for the user via `/user/update`.", "password")
    if not await asyncio.to_thread(verify_password, password, user["password"]):
        raise _refused(f"{WRONG}Not valid credentials for {name}")
    async with asked.store.writing("access") as connection:
        return await open_session(connection, config, {**user, "models": []}, "username_password")


async def _user_called(asked: Asked, email: str) -> Row:
    found: list[Row] = []
    if asked.gateway.store is not None and email and "\x00" not in email:
        async with asked.store.reading() as connection:
            found = await users_called(connection, email)
    if not found:
        raise _refused(f"{WRONG}Check 'UI_USERNAME', 'UI_PASSWORD' in .env file")
    return found[0]


async def _admin(asked: Asked, connection: Any) -> Row:
    """The row of the administrator who has no other: made at the first sign-in, and never less than an administrator."""
    user_id = os.environ.get("PROXY_ADMIN_ID", ADMIN_USER)
    before = await find(connection, users, user_id=user_id)
    role = {"user_role": Role.ADMIN.value}
    if before is not None and before["user_role"] == Role.ADMIN:
        return {**before, "models": []}
    statement = upsert(connection, users).values(user_id=user_id, **role).on_conflict_do_nothing()
    await connection.execute(statement)
    [after] = await change(connection, users, role, users.c.user_id == user_id)
    action = "created" if before is None else "updated"
    await record(connection, actor_of(asked, user_id), action, "users", user_id, before, role)  # type: ignore[arg-type]
    return {**after, "models": []}


def _refused(message: str, param: str = "invalid_credentials") -> GatewayError:
    return GatewayError(401, message, type="auth_error", param=param)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
