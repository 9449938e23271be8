"""Why no deployment of a group is picked."""

from proxy.errors import Failure


class NoDeployments(Failure):
    """Every deployment of the group is cooling down or has spent its budget.

    Never annotated with fallbacks, as in the reference.
    """

    def __init__(self, message: str) -> None:
        super().__init__(429, message, kind="rate_limit", type="None", param="None", reached=False)
