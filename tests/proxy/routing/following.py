"""Follow a plan without any I/O: outcomes in, decisions out."""

from collections.abc import Callable, Sequence

from proxy.errors import Failure
from proxy.routing.plan import Admit, Plan, Route, Steps, Try, Wait
from proxy.routing.router import Router
from tests.proxy.routing.making import Clock

Outcome = Callable[[Try], Failure | None]
TOO_MANY = 2000


class Followed:
    """What a plan decided, and how it ended."""

    def __init__(self) -> None:
        self.decisions: list[Try | Wait] = []
        self.route: Route | None = None
        self.raised: Failure | None = None
        self.failures: list[Failure] = []

    @property
    def tries(self) -> list[Try]:
        return [decision for decision in self.decisions if isinstance(decision, Try)]

    @property
    def tried(self) -> list[str]:
        """Ids of the deployments, in order."""
        return [step.deployment.id for step in self.tries]

    @property
    def models(self) -> list[str]:
        """Groups in the order in which they were first tried."""
        return list(dict.fromkeys(step.hop.model for step in self.tries))


def follow(
    steps: Steps,
    outcome: Outcome,
    *,
    clock: Clock | None = None,
    watch: Callable[[Try | Wait, Followed], None] | None = None,
    admits: Callable[[Admit], Failure | None] | None = None,
) -> Followed:
    """Run to the end. ``watch`` sees each decision before it is carried out; ``admits`` says where a call may not go."""
    followed = Followed()
    failed: Failure | None = None
    try:
        decision = next(steps)
        while True:
            if isinstance(decision, Admit):
                decision = steps.send(None if admits is None else admits(decision))
                continue
            if watch is not None:
                watch(decision, followed)
            followed.decisions.append(decision)
            assert len(followed.decisions) < TOO_MANY, "the plan does not end"
            failed = None
            if isinstance(decision, Try):
                failed = outcome(decision)
                if failed is not None:
                    followed.failures.append(failed)
            elif clock is not None:
                clock.now += decision.seconds
            decision = steps.send(failed)
    except StopIteration as answered:
        followed.route = answered.value
    except Failure as error:
        followed.raised = error
    return followed


def failing(*names: str, status: int = 500) -> Outcome:
    """These deployments or groups fail, the others answer."""

    def outcome(step: Try) -> Failure | None:
        if step.deployment.id in names or step.deployment.group in names:
            return Failure(status, f"{step.deployment.id} says {status}", kind="server")
        return None

    return outcome


def scripted(outcomes: Sequence[Failure | None]) -> Outcome:
    """One outcome a try."""
    left = iter(outcomes)
    return lambda _step: next(left)


def run(router: Router, request, outcome: Outcome, clock: Clock | None = None) -> Followed:
    return follow(Plan(router, request).steps(), outcome, clock=clock)
