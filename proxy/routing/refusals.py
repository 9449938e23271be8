"""Why no deployment of a group is picked, or the one that was picked takes no call."""

from proxy.errors import Failure, GatewayError


class Refusal(Failure):
    """No deployment of the group is picked, and trying again at once cannot help.

    Never annotated with fallbacks, as in the reference.
    """


class Denied(Refusal):
    """The caller may not go on to a model: its limits are reached, or its budget is spent."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(
            error.status,
            error.message,
            kind="rate_limit" if error.status == 429 else "bad_request",
            type=error.type,
            param=error.param,
            headers=error.headers,
            reached=False,
        )


class NoDeployments(Refusal):
    """Every deployment of the group is cooling down, has spent its budget or does not suit the call."""

    def __init__(self, message: str) -> None:
        super().__init__(429, message, kind="rate_limit", type="None", param="None", reached=False)


class NoneLeft(NoDeployments):
    """Every deployment of the group is at its ``rpm``, ``tpm`` or ``max_parallel_requests``, as strategies say it that are
    not about usage."""


class OverLimits(Failure):
    """Every deployment of the group is at its ``rpm``, ``tpm`` or ``max_parallel_requests``; clients hear of the fallbacks."""

    def __init__(self, message: str) -> None:
        text = f"litellm.RateLimitError: {message}"
        super().__init__(429, text, kind="rate_limit", type="throttling_error", reached=False)


class Full(OverLimits):
    """The picked deployment's limit was reached elsewhere meanwhile: another one may do. Nothing was sent, and it is no
    failure of the deployment."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.blames_deployment = False
