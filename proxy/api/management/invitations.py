"""``/invitation/*`` and ``/onboarding/*``: people are invited, open the link, and set their password."""

import asyncio
from typing import Any
from urllib.parse import quote

from pydantic import Field

from proxy.api.management.keys_errors import INTERNAL, refusals
from proxy.api.management.operation import Asked
from proxy.api.management.signing_in import actor_of, base_url
from proxy.api.management.validation import Body, Query
from proxy.management import invitations
from proxy.management.audit import record
from proxy.management.keys_shown import shown_user
from proxy.management.passwords import hash_password
from proxy.sso import session
from proxy.sso.flow import master_key_of
from proxy.sso.stored import known
from proxy.sso.users import open_session


class NewInvitation(Body):
    """``/invitation/new``."""

    user_id: str


class UpdateInvitation(Body):
    """``/invitation/update``."""

    invitation_id: str
    is_accepted: bool


class DeleteInvitation(Body):
    """``/invitation/delete``."""

    invitation_id: str


class OneInvitation(Query):
    """``/invitation/info``."""

    invitation_id: str


class Link(Query):
    """``/onboarding/get_token``."""

    invite_link: str


class Claim(Body):
    """``/onboarding/claim_token``."""

    invitation_link: str
    user_id: str
    password: str = Field(min_length=1)


async def new_invitation(asked: Asked, body: NewInvitation) -> Any:
    """Invite a user: the answer's ``id`` is what the link ``/ui/onboarding?invite_link=ID`` is made of, for a week."""
    with refusals(INTERNAL):
        async with asked.store.writing() as connection:
            row = await invitations.invite(connection, asked.caller, body.user_id, asked.user)
            await record(connection, asked, "created", "invitations", row["id"], None, row)
    return row


async def invitation_info(asked: Asked, query: OneInvitation) -> Any:
    """An invitation."""
    async with asked.store.reading() as connection:
        return await invitations.known(connection, query.invitation_id)


async def update_invitation(asked: Asked, body: UpdateInvitation) -> Any:
    """Write down whether an invitation was accepted."""
    async with asked.store.writing() as connection:
        return await invitations.accept(connection, body.invitation_id, asked.user, accepted=body.is_accepted)


async def delete_invitation(asked: Asked, body: DeleteInvitation) -> Any:
    """Withdraw an invitation."""
    async with asked.store.writing() as connection:
        row = await invitations.withdraw(connection, asked.caller, body.invitation_id)
        await record(connection, asked, "deleted", "invitations", row["id"], row, None)
    return row


async def get_token(asked: Asked, query: Link) -> Any:
    """Open the link of an invitation: the answer is a session of the invited user, who then sets a password."""
    config = asked.gateway.snapshot.config
    master_key = master_key_of(config)
    async with asked.store.writing("access") as connection:
        user = await invitations.open_link(connection, query.invite_link)
        made = await open_session(connection, config, user, "username_password")
    token = await asyncio.to_thread(session.issue, made, master_key)
    environment = (await known(config, asked.store)).environment
    email = quote(str(user["user_email"]), safe="@")
    return {
        "login_url": f"{base_url(asked, environment)}/ui/onboarding?token={token}&user_email={email}",
        "token": token,
        "user_email": user["user_email"],
    }


async def claim_token(asked: Asked, body: Claim) -> Any:
    """Set the password of an invited user who has opened his link. The link is of no use afterwards."""
    async with asked.store.reading() as connection:
        await invitations.check_claim(connection, body.invitation_link, body.user_id)
    password = await asyncio.to_thread(hash_password, body.password)
    async with asked.store.writing("access") as connection:
        user = await invitations.claim(connection, body.invitation_link, body.user_id, password)
        actor = actor_of(asked, user["user_id"])
        await record(connection, actor, "updated", "users", user["user_id"], None, {"password": "set"})
    return shown_user(user)
