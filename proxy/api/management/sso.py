"""Single sign-on: a browser is sent to the identity provider, comes back, and gets a session."""

import asyncio
import hmac
import inspect
import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from proxy.api.management.operation import Asked
from proxy.api.management.signing_in import (
    actor_of,
    base_url,
    entered,
    html,
    is_secure,
    no_database,
    redirect,
    session_of,
)
from proxy.api.management.validation import Query
from proxy.api.plain import json_response
from proxy.compat.loading import load_object
from proxy.compat.requests import Request
from proxy.config.errors import ConfigError
from proxy.errors import DetailError, GatewayError
from proxy.management.keys import hash_of
from proxy.sso import flow, pages
from proxy.sso.flow import Begun, Identified
from proxy.sso.pending import MOST_OF_ONE, SECONDS, Program, SignIn, keep, take
from proxy.sso.person import Person, check_domain, role_named
from proxy.sso.session import COOKIE, root_path
from proxy.sso.settings import configured, is_true, missing, provider_of
from proxy.sso.stored import Known, known
from proxy.sso.users import enrol, make_teams, open_session
from proxy.store.rows import remove
from proxy.store.tables import keys

TICKET: Final = "tianji_sign_in"
"""The cookie by which a browser shows that it is the one that began."""
CALLBACK: Final = "/sso/callback"
DEBUG_CALLBACK: Final = "/sso/debug/callback"
PROGRAM_SOURCE: Final = "litellm-cli"
PROGRAM_PREFIX: Final = "sk-"
CUSTOM_SSO: Final = "general_settings.custom_sso"
CUSTOM_HANDLER: Final = "general_settings.custom_ui_sso_sign_in_handler"


class LoginQuery(Query):
    """Of ``/sso/login``."""

    source: str | None = None
    key: str | None = None
    existing_key: str | None = None
    return_to: str | None = None


class CallbackQuery(Query):
    """What an identity provider sends a browser back with."""

    code: str | None = None
    state: str | None = None


async def login(asked: Asked, query: LoginQuery) -> Response[Any]:
    """Send the browser to the identity provider, or to a form for name and password when none is configured."""
    config, store = asked.gateway.snapshot.config, asked.gateway.store
    now = await known(config, store)
    if is_true(now.environment.get("DISABLE_ADMIN_UI")):
        return html(pages.disabled())
    name = configured(now.environment)
    if name is not None and store is None:
        raise no_database()
    needed = {"DATABASE_URL": store, "LITELLM_MASTER_KEY": config.general_settings.master_key}
    if absent := [variable for variable, value in needed.items() if value is None]:
        return html(pages.missing_variables(absent))
    if handler := config.general_settings.other.get("custom_ui_sso_sign_in_handler"):
        return await _signed_in_by(asked, now, str(handler))
    if name is None:
        return html(pages.login_form(root_path()))
    program = query.key if query.source == PROGRAM_SOURCE and query.key else None
    if program is not None and not program.startswith(PROGRAM_PREFIX):
        raise DetailError(400, "Invalid key ID format")
    begun = await flow.begin(
        provider_of(now.environment, name),
        redirect_uri=base_url(asked, now.environment) + CALLBACK,
        return_to=query.return_to,
        program=program,
    )
    return await _sent(asked, now, begun)


async def callback(asked: Asked, query: CallbackQuery) -> Response[Any]:
    """The identity provider sends the browser back: exchange its code, and begin the session."""
    if asked.gateway.store is None:
        raise DetailError(500, "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys")
    flow.master_key_of(asked.gateway.snapshot.config)
    now = await known(asked.gateway.snapshot.config, asked.store)
    sign_in, found = await _came_back(asked, now, query, CALLBACK)
    if sign_in.program is not None:
        return await _asked_for_program(asked, now, found, sign_in.program)
    session = await _admitted(asked, now, found)
    return await entered(asked, now.environment, session, to=sign_in.return_to, cookies=[_forget_ticket()])


async def debug_login(asked: Asked) -> Response[Any]:
    """Sign in only to see what the identity provider says; nothing is stored of it, and there is no session."""
    now = await known(asked.gateway.snapshot.config, asked.gateway.store)
    name = configured(now.environment)
    if asked.gateway.store is None:
        raise no_database()
    if name is None:
        raise DetailError(400, "No identity provider is configured; set GENERIC_CLIENT_ID and its like")
    redirect_uri = base_url(asked, now.environment) + DEBUG_CALLBACK
    return await _sent(asked, now, await flow.begin(provider_of(now.environment, name), redirect_uri=redirect_uri))


async def debug_callback(asked: Asked, query: CallbackQuery) -> Response[Any]:
    """Show what the identity provider says of the person, as the gateway understands it."""
    if asked.gateway.store is None:
        raise no_database()
    now = await known(asked.gateway.snapshot.config, asked.store)
    _, found = await _came_back(asked, now, query, DEBUG_CALLBACK)
    person = {name: getattr(found.person, name) for name in found.person.__struct_fields__}
    seen = {
        name: value if isinstance(value, str) else str(value) for name, value in person.items() if value is not None
    }
    return html(pages.debug(seen))


async def confirm(asked: Asked) -> Response[Any]:
    """Somebody allows a command line program to have the key that it asked for."""
    form = await asked.request.form()
    async with asked.store.writing() as connection:
        found = await take(connection, "confirmation", str(form.get("ticket", "")), Program)
        if found is None:
            raise DetailError(400, "This page is too old, or was used before. Begin the sign-in again in the terminal")
        await keep(connection, "program", found.name, found)
    return html(pages.program_done())


async def logout(asked: Asked) -> Response[Any]:
    """End the session: its key is deleted, its cookie removed."""
    config = asked.gateway.snapshot.config
    now = await known(config, asked.gateway.store)
    session = await session_of(asked)
    if session is not None and asked.gateway.store is not None:
        async with asked.store.writing("access") as connection:
            await remove(connection, keys, keys.c.token == hash_of(session.key))
    where = now.environment.get("PROXY_LOGOUT_URL") or base_url(asked, now.environment) + "/ui/"
    gone = Cookie(COOKIE, path="/", value="", max_age=0, httponly=True, secure=is_secure(asked, now.environment))
    return redirect(where, [gone])


async def session(asked: Asked) -> Response[bytes]:
    """The claims of the caller's session, for pages of the gateway: its cookie cannot be read by scripts."""
    origin = asked.request.headers.get("origin")
    environment = (await known(asked.gateway.snapshot.config, asked.gateway.store)).environment
    own = {str(asked.request.base_url).rstrip("/"), base_url(asked, environment).rstrip("/").removesuffix(root_path())}
    found = await session_of(asked) if origin is None or origin in own else None
    if found is None:
        raise GatewayError(401, "There is no session; sign in at /sso/login", type="auth_error", param="token")
    return json_response(found, headers={"cache-control": "no-store"})


async def readiness(asked: Asked) -> Any:
    """Whether the configured identity provider has all settings that it needs."""
    environment = (await known(asked.gateway.snapshot.config, asked.gateway.store)).environment
    name = configured(environment)
    if name is None:
        return {"status": "healthy", "sso_configured": False, "message": "No SSO provider configured"}
    absent = missing(environment, name)
    state = {"sso_configured": True, "provider": name}
    if not absent:
        return {"status": "healthy", **state, "message": f"{name.capitalize()} SSO is properly configured"}
    message = f"{name.capitalize()} SSO is configured but missing required environment variables: {', '.join(absent)}"
    raise DetailError(
        503, {"status": "unhealthy", **state, "missing_environment_variables": absent, "message": message}
    )


async def _sent(asked: Asked, now: Known, begun: Begun) -> Response[Any]:
    peer = asked.request.client.host if asked.request.client else ""
    if await asked.gateway.state.add(f"sign-in-begun:{peer}", 1, SECONDS) > MOST_OF_ONE:
        raise DetailError(429, "Too many sign-ins have begun at this address; try again in some minutes")
    async with asked.store.writing() as connection:
        await keep(connection, "browser", begun.ticket, begun.sign_in)
    ticket = Cookie(
        TICKET,
        path=f"{root_path()}/sso",
        value=begun.ticket,
        max_age=SECONDS,
        httponly=True,
        samesite="lax",
        secure=is_secure(asked, now.environment),
    )
    return redirect(begun.location, [ticket])


def _forget_ticket() -> Cookie:
    return Cookie(TICKET, path=f"{root_path()}/sso", value="", max_age=0, httponly=True)


async def _came_back(asked: Asked, now: Known, query: CallbackQuery, path: str) -> tuple[SignIn, Identified]:
    """The sign-in that this browser began, and who came back from it. It is over by that, whatever comes of it."""
    ticket = asked.request.cookies.get(TICKET)
    found = None
    if ticket is not None:
        async with asked.store.writing() as connection:
            found = await take(connection, "browser", ticket, SignIn)
    if query.code is None:
        raise DetailError(400, "'code' parameter was not found in callback request")
    if found is None or not found.redirect_uri.endswith(path) or not _same(found.own.state, query.state or ""):
        raise DetailError(
            400,
            "This sign-in was not begun in this browser, is already over, or took more than ten minutes. "
            "Begin again at /sso/login",
        )
    name = configured(now.environment)
    if name is None:
        raise DetailError(401, "Result not returned by SSO provider.")
    identified = await flow.identify(now, provider_of(now.environment, name), found, query.code)
    check_domain(identified.person, now.environment)
    return found, identified


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogatepass"))


async def _admitted(asked: Asked, now: Known, found: Identified) -> Any:
    """A session for somebody who signed in, if they may have one."""
    flow.check_access(now, found)
    config = asked.gateway.snapshot.config
    chosen = await _custom_values(asked, found.person)
    async with asked.store.writing("access") as connection:
        actor = actor_of(asked, found.person.user_id)
        await make_teams(connection, config, [(group.id, group.name) for group in found.groups])
        user = await enrol(connection, actor, now.environment, found.person, chosen)
        flow.check_role(now, user["user_role"])
        return await open_session(connection, config, user, "sso")


async def _asked_for_program(asked: Asked, now: Known, found: Identified, name: str) -> Response[Any]:
    """Ask whether the program may have a key: who was sent here by somebody else's link must notice."""
    flow.check_access(now, found)
    async with asked.store.writing("access") as connection:
        actor = actor_of(asked, found.person.user_id)
        user = await enrol(connection, actor, now.environment, found.person, await _custom_values(asked, found.person))
        flow.check_role(now, user["user_role"])
        ticket = secrets.token_urlsafe(32)
        program = Program(name=name, user_id=user["user_id"], teams=user["teams"])
        await keep(connection, "confirmation", ticket, program)
    page = pages.confirm_program(f"{root_path()}/sso/cli/confirm", ticket, user["user_email"] or user["user_id"], name)
    return html(page, cookies=[_forget_ticket()])


async def _custom_values(asked: Asked, person: Person) -> Mapping[str, Any] | None:
    """What the config's ``custom_sso`` function says of somebody."""
    config = asked.gateway.snapshot.config
    dotted = config.general_settings.other.get("custom_sso")
    if not dotted:
        return None
    from proxy.compat.openid import OpenID

    function = await _loaded(asked, str(dotted), CUSTOM_SSO)
    values = await _of_users(function, OpenID(**{name: getattr(person, name) for name in person.__struct_fields__}))
    if not isinstance(values, Mapping):
        message = f"{CUSTOM_SSO}: the function must return an object with user_id, user_email, ..."
        raise GatewayError(500, message, type="auth_error", param=CUSTOM_SSO)
    return values


async def _signed_in_by(asked: Asked, now: Known, dotted: str) -> Response[Any]:
    """A sign-in that a user's handler reads from the request: a proxy in front of the gateway knows who calls."""
    handler = await _loaded(asked, dotted, CUSTOM_HANDLER)
    said = await _of_users(handler.handle_custom_ui_sso_sign_in, Request(dict(asked.request.scope)))
    values = {name: getattr(said, name, None) for name in Person.__struct_fields__}
    person = msgspec.convert({name: value for name, value in values.items() if value is not None}, Person)
    person.user_role = role_named(person.user_role)
    person.email = person.email and person.email.lower()
    check_domain(person, now.environment)
    session = await _admitted(asked, now, Identified(person, {}))
    return await entered(asked, now.environment, session)


async def _loaded(asked: Asked, dotted: str, key: str) -> Any:
    config = asked.gateway.snapshot.config
    try:
        return await asyncio.to_thread(load_object, dotted, config.folder, key=key, place=config.places.get(key))
    except ConfigError as error:
        raise GatewayError(500, str(error), type="auth_error", param=key) from error


async def _of_users(function: Any, argument: Any) -> Any:
    """What a user's function returns. What it raises refuses the sign-in, as it does a call."""
    from proxy.compat.custom_auth import refusal

    try:
        said = function(argument)
        return await said if inspect.isawaitable(said) else said
    except Exception as error:
        raise refusal(error) from error
