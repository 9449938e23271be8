"""Why no deployment of a group is picked."""

from proxy.errors import Failure


class Refusal(Failure):
    """No deployment of the group is picked, and trying again at once cannot help.

    Never annotated with fallbacks, as in the reference.
    """


class NoDeployments(Refusal):
    """Every deployment of the group is cooling down, has spent its budget or does not suit the call."""

    def __init__(self, message: str) -> None:
        super().__init__(429, message, kind="rate_limit", type="None", param="None", reached=False)
