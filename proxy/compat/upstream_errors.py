"""Errors of vendors and budgets, which users' callbacks look at."""

from typing import Any, ClassVar


class BudgetExceededError(Exception):
    """A budget is used up; costs are in US dollars."""

    def __init__(self, current_cost: float, max_budget: float, message: str | None = None) -> None:
        self.current_cost = current_cost
        self.max_budget = max_budget
        self.message = message or f"Budget has been exceeded! Current cost: {current_cost}, Max budget: {max_budget}"
        super().__init__(self.message)


class APIError(Exception):
    """An upstream's error, as callbacks see it. The message begins with the name of the class."""

    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str = "",
        llm_provider: str | None = None,
        model: str | None = None,
        status_code: int | None = None,
        **details: Any,
    ) -> None:
        self.status_code = status_code or self.status
        self.message = f"litellm.{type(self).__name__}: {message}"
        self.llm_provider = llm_provider
        self.model = model
        for name, value in details.items():
            setattr(self, name, value)
        super().__init__(self.message)


class BadRequestError(APIError):
    """400."""

    status = 400


class ContextWindowExceededError(BadRequestError):
    """400: the prompt is longer than the model takes."""


class ContentPolicyViolationError(BadRequestError):
    """400: the vendor refuses the content."""


class RejectedRequestError(BadRequestError):
    """400: a hook refuses the request."""


class UnsupportedParamsError(BadRequestError):
    """400: a parameter that the vendor does not know."""


class AuthenticationError(APIError):
    """401."""

    status = 401


class PermissionDeniedError(APIError):
    """403."""

    status = 403


class NotFoundError(APIError):
    """404."""

    status = 404


class Timeout(APIError):
    """408: the call took too long."""

    status = 408


class UnprocessableEntityError(APIError):
    """422."""

    status = 422


class RateLimitError(APIError):
    """429."""

    status = 429


class APIConnectionError(APIError):
    """500: no connection to the vendor."""


class InternalServerError(APIError):
    """500."""


class BadGatewayError(APIError):
    """502."""

    status = 502


class ServiceUnavailableError(APIError):
    """503."""

    status = 503
