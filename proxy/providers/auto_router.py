"""``auto_router/...``: no vendor but a choice between model groups; calls that choose nothing end here."""

from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply
from proxy.upstream.client import UpstreamClient


class AutoRouterProvider:
    """The provider of auto routers."""

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:  # noqa: ARG002
        """See :meth:`proxy.providers.base.Provider.send`."""
        raise Failure(
            400,
            f"litellm.BadRequestError: The model {attempt.deployment.group!r} is an auto router, which chooses a model for "
            f"messages and prompts; name another one for {attempt.endpoint}",
            kind="bad_request",
            reached=False,
        )


provider = AutoRouterProvider()
