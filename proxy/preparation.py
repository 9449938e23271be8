"""What is sent to a deployment: the client's body over its defaults, with its credentials, in its time."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from proxy.call import Body, Call, Usage
from proxy.deployment import OPENAI_PREFIX, Deployment, may_set
from proxy.errors import Headers
from proxy.fields import CREDENTIAL_FIELDS, KEPT_BACK
from proxy.providers.base import Attempt, Resource, wants_usage
from proxy.providers.openai.params import adapted, check_dimensions, without_developers
from proxy.responses.dialogue import Dialogue
from proxy.routing.plan import Try
from proxy.routing.request import RouteRequest
from proxy.routing.router import DEFAULT_TIMEOUT

MESSAGES = "messages"
"""The endpoint whose calls are in Anthropic's format."""
RESPONSES = "responses"
"""The endpoint of OpenAI's Responses API."""
CONTENTS = "contents"
"""The endpoint whose calls are in Google's format."""


class ModelRequest(msgspec.Struct, kw_only=True):
    """What the client asked for, beside ``call.body``."""

    route: RouteRequest
    shown_model: str | None = None
    """The name that answers carry: what the body calls the model, if it does (the path may too)."""
    timeout: float | None = None
    """Seconds."""
    mock_response: Any = None
    credentials: dict[str, str] = {}
    """Hosts and keys that the deployment lets clients set."""
    headers: Headers = []
    """For the vendor."""
    drop_params: bool = False
    """Leave out what the model does not take, instead of refusing the call."""
    dropped: Sequence[str] = ()
    """Fields to leave out in any case."""
    allowed_params: Sequence[str] = ()
    """Fields to pass on whether the model is known to take them or not."""
    extra: Sequence[str] = ()
    """Fields that the client wants sent whatever they are."""
    metadata: msgspec.Raw | None = None
    """The client's, as it stands in its body."""
    dialogue: Dialogue | None = None
    """Of a call of the Responses API."""
    resource: Resource | None = None
    """What such a call asks for, if it is no new response."""


class Preparation:
    """Of the attempts of one call."""

    def __init__(self, call: Call, asked: ModelRequest) -> None:
        self._call = call
        self._asked = asked
        self._router = call.snapshot.router

    def attempt(self, step: Try, body: Body, chat: Body | None, timeout: float) -> Attempt:
        """The attempt; as a chat completion if that is what the vendor is asked for."""
        endpoint = self._call.endpoint if chat is None else "chat"
        params, settings = step.deployment.params, self._call.snapshot.config.settings
        drops = self._asked.drop_params or bool(params.drop_params) or settings.drop_params
        allowed = (*params.allowed_openai_params, *self._asked.allowed_params)
        sent = body if chat is None else chat
        attempt = Attempt(
            deployment=step.deployment,
            endpoint=endpoint,
            body=self._as_taken(endpoint, step.deployment, sent, drop=drops, allowed=allowed),
            stream=self._call.stream,
            timeout=timeout,
            shown_model=self._shown_model(step),
            headers=self._asked.headers,
            keep_text=self._call.stream and self._can_continue,
            credentials=self._credentials(step),
            facts=self._facts(step.deployment),
            drop_params=drops,
            allowed_params=allowed,
            metadata=self._asked.metadata,
            client_headers=self._call.headers,
        )
        megabytes = self._call.snapshot.config.general_settings.max_response_size_mb
        if megabytes is not None:
            attempt.max_answer = int(megabytes * 1_000_000)
        if attempt.stream and self._router.may_count and (self._call.snapshot.reads_usage or wants_usage(attempt)):
            attempt.count = partial(_used, attempt)
        return attempt

    def body(self, deployment: Deployment, body: Body, replaced: dict[str, Any]) -> Body:
        """The client's fields over the deployment's defaults, under what a fallback entry replaces."""
        params = deployment.params
        dropped = (*params.additional_drop_params, *self._asked.dropped)
        if not (params.request or params.extra_body or dropped or replaced):
            return body
        replaced = {name: value for name, value in replaced.items() if name not in KEPT_BACK and name != "stream"}
        merged = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in params.request.items()} | body
        for name, value in {**params.extra_body, **replaced}.items():
            merged[name] = msgspec.Raw(msgspec.json.encode(value))
        for name in dropped:
            merged.pop(name, None)
        return merged

    def timeout(self, step: Try) -> float:
        """Seconds: the client's, the deployment's, its model group's, the router's, the general one."""
        if self._asked.timeout is not None:
            return self._asked.timeout
        settings = self._router.settings
        for holder in (step.deployment.params, settings.model_group_retry_policy.get(step.hop.model), settings):
            if holder is not None:
                seconds = holder.stream_timeout if self._call.stream else None
                seconds = holder.timeout if seconds is None else seconds
                if seconds is not None:
                    return seconds
        general = self._call.snapshot.config.settings.request_timeout
        return DEFAULT_TIMEOUT if general is None else general

    @property
    def _can_continue(self) -> bool:
        """Whether a fallback may go on where a stream breaks."""
        return self._call.endpoint == "chat" and bool(self._asked.route.fallbacks or self._router.settings.fallbacks)

    def _credentials(self, step: Try) -> dict[str, str]:
        """The client's, as far as the deployment lets it, under those of the config's fallback entry.

        Credentials of a client's own fallback entries were refused at the door.
        """
        asked, replaced = self._asked.credentials, step.hop.replaced
        if not (asked or replaced):
            return asked
        credentials = {name: value for name, value in asked.items() if may_set(step.deployment, name, value)}
        credentials.update((name, replaced[name]) for name in CREDENTIAL_FIELDS & replaced.keys())
        return credentials

    def _shown_model(self, step: Try) -> str | None:
        """The requested name; but a fallback's complete chat completion keeps the vendor's (A.md, CORE)."""
        if self._call.stream:
            return self._asked.shown_model or self._call.model
        keeps = step.hop.model == self._call.model or self._call.endpoint == MESSAGES
        return self._asked.shown_model if keeps else None

    def _as_taken(
        self, endpoint: str, deployment: Deployment, body: Body, *, drop: bool, allowed: Sequence[str]
    ) -> Body:
        """Without the parameters that the model does not take, if that is wanted.

        Raises:
            Failure: 400, it is not.
        """
        if endpoint != "chat":
            if endpoint == "embeddings" and deployment.provider == OPENAI_PREFIX:
                check_dimensions(body, deployment.model)
            return body
        rules = self._call.snapshot.param_rules(deployment)
        if rules is None:
            return body
        body = without_developers(body, rules)
        return adapted(body, rules, drop=drop, allowed=allowed)

    def _facts(self, deployment: Deployment) -> Mapping[str, Any]:
        entry = self._call.snapshot.catalog.entry(deployment)
        return {} if entry is None else entry.fields


async def _used(attempt: Attempt, said: str) -> Usage:
    from proxy.tokens.calls import used

    return await used(attempt.body, attempt.deployment.model, said)
