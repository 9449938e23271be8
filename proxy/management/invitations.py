"""Invitations: links by which new users sign in for the first time and set their password."""

from datetime import timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.call import Identity
from proxy.errors import DetailError
from proxy.management.users_access import ADMINS, administered_teams, manages, shown_role
from proxy.store.rows import Row, add, change, find, remove
from proxy.store.tables import invitations, users
from proxy.store.types import now

LIFE: Final = timedelta(days=7)
EXPIRED: Final = "Invitation link has expired."


async def invite(connection: AsyncConnection, caller: Identity, user_id: str, author: str) -> Row:
    """Make an invitation of a user.

    Raises:
        DetailError: 400, there is no such user, or the caller may not invite him.
    """
    await check_host(connection, caller)
    user = await find(connection, users, user_id=user_id)
    if not caller.is_admin and (user is None or not await _may_invite(connection, caller, user)):
        raise _refused("You can only create invitations for users in your organization or team.")
    if user is None:
        raise _refused("User id does not exist in 'LiteLLM_UserTable'. Fix this by creating user via `/user/new`.")
    moment = now()
    row = {"id": str(uuid4()), "user_id": user_id, "expires_at": moment + LIFE, "created_at": moment}
    return await add(connection, invitations, {**row, "updated_at": moment, "created_by": author, "updated_by": author})


async def check_host(connection: AsyncConnection, caller: Identity) -> None:
    """Whether the caller may invite anybody: as an admin, of an organization or of a team. Raises DetailError, 400."""
    if not caller.is_admin and not caller.administers and not await administered_teams(connection, caller):
        raise _refused(f"Admin-only endpoint. Not allowed to access this., your role={shown_role(caller)}")


async def _may_invite(connection: AsyncConnection, caller: Identity, user: Row) -> bool:
    # who opens the link becomes the user: accounts that somebody signs in to, and those of admins, are not handed out
    if user["password"] is not None or user["sso_user_id"] is not None or user["user_role"] in ADMINS:
        return False
    return await manages(connection, caller, user)


async def known(connection: AsyncConnection, invitation_id: str) -> Row:
    """An invitation's row. Raises DetailError, 400."""
    row = await find(connection, invitations, id=invitation_id)
    if row is None:
        raise _refused("Invitation id does not exist in the database.")
    return row


async def withdraw(connection: AsyncConnection, caller: Identity, invitation_id: str) -> Row:
    """Delete an invitation; who is no proxy admin his own. Raises DetailError, 400 or 403."""
    await check_host(connection, caller)
    row = await known(connection, invitation_id)
    if not caller.is_admin and row["created_by"] != caller.user_id:
        raise DetailError(403, {"error": "Organization admins can only delete invitations they created."})
    await remove(connection, invitations, invitations.c.id == invitation_id)
    return row


async def accept(connection: AsyncConnection, invitation_id: str, author: str, *, accepted: bool = True) -> Row:
    """Write down that an invitation was accepted, or was not; now."""
    await known(connection, invitation_id)
    values = {"is_accepted": accepted, "accepted_at": now(), "updated_by": author}
    [row] = await change(connection, invitations, values, invitations.c.id == invitation_id)
    return row


async def open_link(connection: AsyncConnection, link: str) -> Row:
    """Accept the invitation of a link; the user's row. Raises DetailError, 401."""
    row = await _usable(connection, link)
    await accept(connection, link, row["user_id"])
    return await _guest(connection, row)


async def check_claim(connection: AsyncConnection, link: str, user_id: str) -> None:
    """Whether a user has opened his link, which nobody has claimed yet. Raises DetailError, 401."""
    row = await _usable(connection, link)
    if not row["is_accepted"]:
        raise _unknown(
            "The invitation link was never validated. Please file an issue, if this is not intended - "
            "https://github.com/BerriAI/litellm/issues."
        )
    if row["user_id"] != user_id:
        raise _unknown(
            "Invalid invitation link. The user id submitted does not match the user id this link is attached to. "
            f"Got={user_id}, Expected={row['user_id']}"
        )
    await _guest(connection, row)


async def claim(connection: AsyncConnection, link: str, user_id: str, password: str) -> Row:
    """Set the password of a user by his link, which is of no use afterwards; the user's row.

    Args:
        password: of :func:`proxy.management.passwords.hash_password`.

    Raises:
        DetailError: 401.
    """
    await check_claim(connection, link, user_id)
    await change(connection, invitations, {"expires_at": now()}, invitations.c.id == link)
    [user] = await change(connection, users, {"password": password}, users.c.user_id == user_id)
    return user


async def _usable(connection: AsyncConnection, link: str) -> Row:
    row = await find(connection, invitations, id=link)
    if row is None:
        raise _unknown("Invitation link does not exist in db.")
    if row["expires_at"] <= now():
        raise _unknown(EXPIRED)
    return row


async def _guest(connection: AsyncConnection, row: Row) -> Row:
    user = await find(connection, users, user_id=row["user_id"])
    if user is None:
        raise _unknown("User does not exist in db.")
    return user


def _refused(why: str) -> DetailError:
    return DetailError(400, {"error": why})


def _unknown(why: str) -> DetailError:
    return DetailError(401, {"error": why})
