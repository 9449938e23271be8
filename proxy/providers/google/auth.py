"""Access tokens for Google Cloud: google-auth knows the kinds of credentials, our own client speaks to the token endpoints.

google-auth is synchronous. It runs in a thread, and each request that it makes is handed back to the loop, so that the
proxy settings, authorities and bounds of every other call hold for it too.
"""

import asyncio
import concurrent.futures
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from proxy.upstream.client import Timeouts, UpstreamClient, UpstreamError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials as GoogleCredentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
SECONDS = 30.0
"""A request to a token endpoint may take."""
MAX_ANSWER = 1_000_000
MAX_QUOTED = 500

Credentials = str | Mapping[str, Any] | None
"""The path of a JSON file, its text, or what it holds; ``None``: Application Default Credentials.

https://cloud.google.com/docs/authentication/application-default-credentials
"""


class CredentialsError(Exception):
    """No token can be had; the text says why, and holds nothing of the credentials."""


async def access_token(credentials: Credentials, client: UpstreamClient) -> tuple[str, str | None]:
    """A token that is good for a while, and the project that the credentials belong to, as far as they tell.

    Tokens are kept with ``client``. A new one is fetched once, however many calls wait for it; in the last minutes of the
    old one nobody waits at all.

    Raises:
        CredentialsError: the credentials are unusable, Google refuses them, or google-auth is not installed.
    """
    source = msgspec.json.encode(credentials).decode() if isinstance(credentials, Mapping) else credentials
    tokens = _tokens.setdefault(client, {})
    token = tokens.get(source)
    if token is None:
        token = tokens[source] = _Token(source)
    return await token.current(client)


class _Held(NamedTuple):
    credentials: "GoogleCredentials"
    project: str | None


class _Token:
    """The token of one account."""

    def __init__(self, source: str | None) -> None:
        self._source = source
        self._held: _Held | None = None
        self._fetching: asyncio.Task[_Held] | None = None

    async def current(self, client: UpstreamClient) -> tuple[str, str | None]:
        held = self._held
        state = "INVALID" if held is None else held.credentials.token_state.name
        if state != "FRESH" and self._fetching is None:
            fetch = asyncio.to_thread(_fetch, self._source, _Transport(client, asyncio.get_running_loop()))
            self._fetching = asyncio.create_task(fetch)
            self._fetching.add_done_callback(self._fetched)
        if held is None or state == "INVALID":
            assert self._fetching is not None
            held = await asyncio.shield(self._fetching)
        return str(held.credentials.token), held.project

    def _fetched(self, task: asyncio.Task[_Held]) -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is None:
            self._held = task.result()


_tokens: WeakKeyDictionary[UpstreamClient, dict[str | None, _Token]] = WeakKeyDictionary()


# --- in a thread -----------------------------------------------------------------------------------------------------


class _Answer(NamedTuple):
    """As google-auth wants it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Transport:
    """What google-auth makes its requests with; to be called from another thread than the loop's."""

    def __init__(self, client: UpstreamClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Answer:
        from google.auth import exceptions

        content = body.encode() if isinstance(body, str) else body or b""
        asked = self._ask(method, url, list((headers or {}).items()), content, timeout or SECONDS)
        try:
            return asyncio.run_coroutine_threadsafe(asked, self._loop).result()
        except (UpstreamError, concurrent.futures.CancelledError) as error:
            failed: Any = exceptions.TransportError
            raise failed(f"{url} cannot be reached: {error}") from error

    async def _ask(self, method: str, url: str, headers: list[tuple[str, str]], body: bytes, seconds: float) -> _Answer:
        timeouts = Timeouts(connect=seconds, first_byte=seconds, idle=seconds, total=seconds)
        response = await self._client.send(method, url, headers, body, timeouts)
        return _Answer(response.status, dict(response.headers), await response.read(MAX_ANSWER))


def _fetch(source: str | None, transport: _Transport) -> _Held:
    """Read the credentials, which may have been replaced meanwhile, and get a token for them."""
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError

        auth: Any = google.auth  # most of it has no types
    except ImportError as error:
        raise CredentialsError("google-auth is missing, which makes Google's tokens; install tianji[google]") from error
    try:
        if source is None:
            credentials, project = auth.default(scopes=SCOPES, request=transport)
        else:
            account = _account(source)
            credentials, project = auth.load_credentials_from_dict(account, scopes=SCOPES, request=transport)
        credentials.refresh(transport)
    except (GoogleAuthError, ValueError) as error:
        setting = "Application Default Credentials" if source is None else "vertex_credentials"
        why = str(error.args[0] if error.args else error)[:MAX_QUOTED]
        raise CredentialsError(f"{setting}: {why}") from error
    return _Held(credentials, project or getattr(credentials, "quota_project_id", None))


def _account(source: str) -> dict[str, Any]:
    text: bytes | str = source
    try:
        if not source.lstrip().startswith("{"):
            text = Path(source).read_bytes()
        account = msgspec.json.decode(text, type=dict[str, Any])
    except OSError as error:
        raise CredentialsError(
            f"vertex_credentials: neither JSON nor a file that can be read ({error.strerror}); give the path of a service "
            "account's key, or its JSON"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CredentialsError(f"vertex_credentials: not a JSON object: {error}") from error
    return account
