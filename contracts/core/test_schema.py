"""Generated requests: every operation of contracts/openapi.yaml answers as the document promises."""

from collections import Counter
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.harness.configs import MASTER_KEY
from contracts.harness.mark import contract, slow
from contracts.harness.targets import Running

pytestmark = [
    contract("core", config="core/schema.yaml", provenance="documented"),
    slow("fifteen generated requests an operation"),
]

EXAMPLES = 15
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
]
HEADERS = {"authorization": f"Bearer {MASTER_KEY}"}
SCHEMA = schemathesis.openapi.from_path(Path(__file__).parents[1] / "openapi.yaml")
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}


# Names that the config knows, by the last part of the path: most requests use them, so that calls get through.
KNOWN = {
    "chat/completions": ("schema-chat",),
    "completions": ("schema-text",),
    "embeddings": ("schema-embedding",),
    "messages": ("schema-message", "schema-chat"),
    "count_tokens": ("schema-message", "schema-chat"),
    "responses": ("schema-chat", "schema-message"),
}

REFUSED = {"api_base", "api_key"}


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> hypothesis.settings:
    """The same few requests in each run, or `--schemathesis-examples` random ones."""
    wanted = request.config.getoption("--schemathesis-examples")
    return settings(
        max_examples=wanted or EXAMPLES,
        derandomize=wanted is None,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize("label", OPERATIONS)
def test_an_operation_answers_as_promised(gateway: Running, profile: hypothesis.settings, label: str) -> None:
    load_all_checks()
    statuses: Counter[int] = Counter()
    known = next((names for end, names in KNOWN.items() if label.endswith(end)), ("schema-chat",))

    @profile
    @given(generated=OPERATIONS[label].as_strategy(), model=st.sampled_from((*known, None)))
    def send(generated: schemathesis.Case, model: str | None) -> None:
        if model is not None:
            name_a_known_model(generated, model)
        answer = generated.call(base_url=gateway.url, headers=HEADERS)
        statuses[answer.status_code] += 1
        generated.validate_response(answer, checks=CHECKS, headers=HEADERS)

    send()
    assert statuses[200], f"no generated request got through, so nothing of the answer was tried: {statuses}"


def name_a_known_model(generated: schemathesis.Case, model: str) -> None:
    """Put the model wherever this operation takes it; leave out what no client may choose."""
    for parameter in generated.path_parameters:
        generated.path_parameters[parameter] = model
    if isinstance(generated.body, dict):
        fields = {name: value for name, value in generated.body.items() if name not in REFUSED}
        generated.body = {**fields, "model": model}
