"""Response headers of model calls: the reference's ``x-litellm-*`` (A.md, CORE)."""

import re
import time
from functools import lru_cache
from importlib.metadata import version

from proxy.accounting.cost import Cost
from proxy.call import Call
from proxy.errors import GatewayError
from proxy.pipeline import Routed

CONTRACT_VERSION = b"1.81.14"
"""The version of the reference whose contracts this gateway keeps."""
VERSIONS = [(b"x-litellm-version", CONTRACT_VERSION), (b"x-tianji-version", version("tianji").encode())]
CHOSEN = b"x-tianji-routed-model"
"""What an auto router chose. Not of the reference."""
JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")

_control = re.compile(r"[\x00-\x1f\x7f]")
Pairs = list[tuple[bytes, bytes]]


def value(text: object) -> bytes:
    """A header value: without control characters, whoever chose the text."""
    written = str(text)
    if not written.isprintable():
        written = _control.sub("", written)
    return written.encode("latin-1", "replace")


@lru_cache(maxsize=1024)
def _number(value: float) -> bytes:
    return repr(value).encode()


def of_answer(call: Call, routed: Routed, cost: Cost) -> Pairs:
    """Headers of a good answer. Streams, whose end is not known yet, say less."""
    route, reply = routed.route, routed.reply
    headers: Pairs = [
        EVENT_STREAM if reply.stream else JSON,
        (b"x-litellm-call-id", call.id.encode()),
        (b"x-litellm-model-id", value(route.deployment.id)),
        (b"x-litellm-model-api-base", value(reply.api_base)),
        *VERSIONS,
        (b"x-litellm-response-cost-original", _number(cost.original)),
        (b"x-litellm-response-cost-discount-amount", _number(cost.discount)),
        (b"x-litellm-response-cost-margin-amount", _number(cost.margin)),
        (b"x-litellm-response-cost-margin-percent", _number(cost.margin_percent)),
        (b"x-litellm-key-spend", repr(call.identity.spent + (0.0 if reply.stream else cost.final or 0.0)).encode()),
    ]
    if call.outcome.chosen is not None:
        headers.append((CHOSEN, value(call.outcome.chosen)))
    if routed.queued:
        headers.append((b"x-litellm-request-prioritization-used", b"True"))
    if reply.stream:
        return headers
    if cost.final is not None:
        headers.append((b"x-litellm-response-cost", repr(cost.final).encode()))
    elapsed = time.perf_counter() - call.started
    headers += [
        (b"x-litellm-response-duration-ms", b"%.3f" % (elapsed * 1000)),
        (b"x-litellm-overhead-duration-ms", b"%.3f" % ((elapsed - routed.upstream_seconds) * 1000)),
        (b"x-litellm-model-group", value(route.hop.model)),
        (b"x-litellm-attempted-retries", b"%d" % route.retries),
        (b"x-litellm-attempted-fallbacks", b"%d" % route.fallbacks),
    ]
    if route.max_retries is not None:
        headers.append((b"x-litellm-max-retries", b"%d" % route.max_retries))
    headers += call.limit_headers
    own_limits = False
    for name, text in reply.headers:
        header = name.encode("latin-1"), text.encode("latin-1", "replace")
        if name.startswith("x-ratelimit-"):
            own_limits = True
            headers.append(header)
        headers.append((b"llm_provider-" + header[0], header[1]))
    return headers if own_limits else headers + [(name.encode(), text.encode()) for name, text in routed.limits]


def of_error(call: Call, error: GatewayError, timeout: float | None) -> Pairs:
    """Headers of an error after admission. ``timeout``: seconds that the last attempt was given."""
    headers: Pairs = [JSON, (b"x-litellm-call-id", call.id.encode()), *VERSIONS]
    if call.outcome.deployment_id is not None:
        headers.append((b"x-litellm-model-id", value(call.outcome.deployment_id)))
    if call.outcome.chosen is not None:
        headers.append((CHOSEN, value(call.outcome.chosen)))
    headers += [
        (b"x-litellm-response-cost", b"0"),
        (b"x-litellm-key-spend", repr(call.identity.spent).encode()),
    ]
    if timeout is not None:
        headers.append((b"x-litellm-timeout", repr(float(timeout)).encode()))
    return headers + [(value(name), value(text)) for name, text in error.headers]
