"""Sign-ins that have begun: what the gateway must remember of one until the browser comes back, once.

They are in the database, so that any replica can go on with one. What finds a sign-in is a secret that only its browser (or
the command line program it is for) has; its hash is stored.
"""

import hashlib
from datetime import timedelta
from typing import Final, Literal, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.errors import DetailError
from proxy.sso.provider import Secrets
from proxy.store.rows import add, count, find, remove
from proxy.store.tables import sign_ins
from proxy.store.types import now

SECONDS: Final = 600
"""How long somebody may take."""
MOST: Final = 10_000
"""Sign-ins at the same time: whoever asks for more fills the database."""
MOST_OF_ONE: Final = 500
"""Of one address, which may be that of a whole office, in ``SECONDS``: nobody alone keeps all others out."""

Kind = Literal["browser", "confirmation", "program"]


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Begun in a browser; found by the cookie that it was given."""

    own: Secrets
    redirect_uri: str
    return_to: str | None = None
    """Path on this gateway."""
    program: str | None = None
    """The command line program's own name for the sign-in, ``sk-...``."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody signed in for a command line program; found by the program's name for it."""

    name: str
    user_id: str
    teams: list[str] = []


T = TypeVar("T", SignIn, Program)


async def keep(connection: AsyncConnection, kind: Kind, secret: str, value: SignIn | Program) -> None:
    """Remember something for ten minutes; an older one of the same secret is forgotten.

    Raises:
        DetailError: 429, there are too many.
    """
    at = now()
    await remove(connection, sign_ins, sign_ins.c.expires_at <= at)
    if await count(connection, sign_ins) >= MOST:
        raise DetailError(429, "Too many people are signing in; try again in some minutes")
    identifier = _identifier(kind, secret)
    await remove(connection, sign_ins, sign_ins.c.id == identifier)
    values = {"id": identifier, "value": msgspec.to_builtins(value), "expires_at": at + timedelta(seconds=SECONDS)}
    await add(connection, sign_ins, values)


async def take(connection: AsyncConnection, kind: Kind, secret: str, type_: type[T]) -> T | None:
    """What is remembered, which is forgotten by this: two who ask at the same time do not both get it."""
    found = await remove(connection, sign_ins, sign_ins.c.id == _identifier(kind, secret))
    return msgspec.convert(found[0]["value"], type_) if found and found[0]["expires_at"] > now() else None


async def look(connection: AsyncConnection, kind: Kind, secret: str, type_: type[T]) -> T | None:
    """What is remembered, and goes on being so."""
    row = await find(connection, sign_ins, id=_identifier(kind, secret))
    return msgspec.convert(row["value"], type_) if row is not None and row["expires_at"] > now() else None


def _identifier(kind: Kind, secret: str) -> str:
    return hashlib.sha256(f"{kind}:{secret}".encode("utf-8", "surrogatepass")).hexdigest()
