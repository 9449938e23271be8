"""AWS: who calls, and the signature that proves it (Signature Version 4). Needs botocore, the ``aws`` extra.

Settings are ``litellm_params`` that begin with ``aws_``, each of which may also be an environment variable of the same name
in capital letters; with none of them the usual sources of the AWS SDKs count: variables, profiles, the instance's role.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

import asyncio
import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from proxy.errors import Failure

DEFAULT_REGION = "us-west-2"
_REGION_VARIABLES = ("AWS_REGION_NAME", "AWS_REGION")
_ARN_REGION = re.compile(r"arn:aws[a-z-]*:bedrock[a-z-]*:([a-z0-9-]+):")
_SIGNED = frozenset(("host", "content-type", "date"))
_SETTINGS = (
    *("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region_name", "aws_session_name"),
    *("aws_profile_name", "aws_role_name", "aws_web_identity_token", "aws_sts_endpoint", "aws_external_id"),
)
_SIGNER = "botocore.auth"
_SECONDS_TO_FIND_OUT = 30.0
"""Instance roles and STS are asked over the network."""


class Credentials(NamedTuple):
    """What a call is signed with. Its representation tells nothing."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(***)"


class _Source(NamedTuple):
    """The settings that say who calls."""

    aws_access_key_id: str | None
    aws_secret_access_key: str | None
    aws_session_token: str | None
    aws_region_name: str | None
    aws_session_name: str | None
    aws_profile_name: str | None
    aws_role_name: str | None
    aws_web_identity_token: str | None
    aws_sts_endpoint: str | None
    aws_external_id: str | None

    def keys(self) -> Credentials | None:
        """The keys themselves, if they are settings."""
        if not self.aws_access_key_id or not self.aws_secret_access_key:
            return None
        return Credentials(self.aws_access_key_id, self.aws_secret_access_key, self.aws_session_token)


def region_of(params: Mapping[str, Any], arn: str = "") -> str:
    """The region of a deployment's calls.

    Args:
        params: ``litellm_params``; ``aws_region_name`` counts most.
        arn: that is called, such as an inference profile's; it tells its region.
    """
    given = params.get("aws_region_name")
    if given:
        return str(given)
    named = _ARN_REGION.search(arn)
    if named:
        return named[1]
    return next(filter(None, map(os.environ.get, _REGION_VARIABLES)), None) or _configured_region() or DEFAULT_REGION


async def credentials_of(params: Mapping[str, Any]) -> Credentials:
    """Who the calls of a deployment are from. Roles are assumed, and expiring credentials renewed in time.

    Args:
        params: ``litellm_params``.

    Raises:
        Failure: 401, there are no credentials; 500, botocore is not installed.
    """
    source = _Source(*(_setting(params, name) for name in _SETTINGS))
    keys = source.keys()
    if keys is not None and not source.aws_role_name and not source.aws_profile_name:
        if _SIGNER not in sys.modules:
            await asyncio.to_thread(_botocore, _SIGNER)
        return keys
    try:
        async with asyncio.timeout(_SECONDS_TO_FIND_OUT):
            return await asyncio.to_thread(_found, source)
    except TimeoutError as error:
        raise _refused(f"no credentials were found within {_SECONDS_TO_FIND_OUT:.0f} seconds") from error


def signed_headers(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    service: str,
    region: str,
    credentials: Credentials,
) -> dict[str, str]:
    """``headers``, their names in lower case, with the signature of the call.

    What proxies on the way may change is not signed: only the host, the content type, and ``x-amz-*``.

    Raises:
        Failure: 500, botocore is not installed.
    """
    auth, awsrequest = _botocore(_SIGNER), _botocore("botocore.awsrequest")
    given = {name.lower(): value for name, value in headers.items()}
    signed = {name: value for name, value in given.items() if name in _SIGNED or name.startswith(("x-amz-", "x-amzn-"))}
    # botocore leaves out ports that are usual; so does the client that sends the call
    signed.setdefault("host", urlsplit(url).netloc.rpartition("@")[2])
    request = awsrequest.AWSRequest(method=method, url=url, data=body, headers=signed)
    auth.SigV4Auth(credentials, service, region).add_auth(request)
    made = {name.lower(): value for name, value in request.headers.items()}
    return given | {name: value for name, value in made.items() if name != "host"}


# --- credentials -----------------------------------------------------------------------------------------------------


def _setting(params: Mapping[str, Any], name: str) -> str | None:
    value = params.get(name) or os.environ.get(name.upper())
    return str(value) if value else None


def _found(source: _Source) -> Credentials:
    """What the source stands for at this moment; asks the network when it must."""
    exceptions = _botocore("botocore.exceptions")
    try:
        frozen = _provider(source).get_frozen_credentials()
    except exceptions.ClientError as error:
        # the text says which role may not be assumed by whom, and no secret
        raise _refused(str(error)) from error
    except (exceptions.BotoCoreError, OSError) as error:
        raise _refused(f"{type(error).__name__}: {error}") from error
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


@lru_cache(maxsize=256)
def _provider(source: _Source) -> Any:
    """Botocore's object that has the credentials and renews them."""
    session = _botocore("botocore.session").Session(profile=source.aws_profile_name)
    role = source.aws_role_name
    if role is None or _is_role_of_pod(role):
        return _base(session, source)
    kept = _botocore("botocore.credentials")
    options = {"RoleSessionName": source.aws_session_name or "tianji"}
    if source.aws_external_id:
        options["ExternalId"] = source.aws_external_id
    create = _sts_of(session, source)
    if source.aws_web_identity_token:
        fetcher = kept.AssumeRoleWithWebIdentityCredentialFetcher(
            create, lambda: _identity_token(str(source.aws_web_identity_token)), role, options
        )
    else:
        fetcher = kept.AssumeRoleCredentialFetcher(create, _base(session, source), role, options)
    return kept.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _base(session: Any, source: _Source) -> Any:
    """What there is before any role is assumed."""
    own = source.keys()
    if own is not None:
        return _botocore("botocore.credentials").Credentials(own.access_key, own.secret_key, own.token)
    found = session.get_credentials()
    if found is None:
        raise _refused(
            "Unable to locate credentials. Set aws_access_key_id and aws_secret_access_key of litellm_params, or "
            "aws_profile_name, aws_role_name, or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return found


def _is_role_of_pod(role: str) -> bool:
    """Whether the process runs as the role already, as in a pod of a service account that has it."""
    return bool(os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")) and os.environ.get("AWS_ROLE_ARN") == role


def _sts_of(session: Any, source: _Source) -> Callable[..., Any]:
    region = source.aws_region_name or region_of({})

    def create(service: str, **options: Any) -> Any:
        return session.create_client(service, region_name=region, endpoint_url=source.aws_sts_endpoint, **options)

    return create


def _identity_token(setting: str) -> str:
    """The token that ``aws_web_identity_token`` names: ``oidc/file/PATH``, ``oidc/env/NAME``, ``oidc/env_path/NAME``, a
    variable's name, or the token itself.
    """
    scheme, _, what = setting.removeprefix("oidc/").partition("/")
    if not setting.startswith("oidc/"):
        return os.environ.get(setting, setting)
    if scheme == "file":
        return Path(what).read_text().strip()
    if scheme in ("env", "env_path") and what in os.environ:
        value = os.environ[what]
        return Path(value).read_text().strip() if scheme == "env_path" else value
    raise _refused(
        "aws_web_identity_token: there is no such token; write oidc/file/PATH, or oidc/env/NAME or oidc/env_path/NAME "
        "with a variable that is set"
    )


@lru_cache(maxsize=1)
def _configured_region() -> str | None:
    """Of ``AWS_DEFAULT_REGION`` or the default profile."""
    region: str | None = _botocore("botocore.session").Session().get_config_variable("region")
    return region


def _refused(why: str) -> Failure:
    return Failure(
        401,
        f"litellm.AuthenticationError: BedrockException Invalid Authentication - {why}",
        kind="authentication",
        reached=False,
    )


def _botocore(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise Failure(
            500,
            "litellm.InternalServerError: AWS needs botocore, which is not installed: pip install 'tianji[aws]'",
            kind="server",
            reached=False,
        ) from error
