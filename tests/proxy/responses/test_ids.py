import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.secret import SecretBox

from proxy.call import Identity
from proxy.errors import GatewayError
from proxy.responses.ids import Found, Ids

FOUND = Found("openai", "deployment-1", "resp_abc")
ALICE = Identity(user_id="alice", team_id="red")
names = st.text(st.characters(exclude_characters=";", exclude_categories=("Cs",)), min_size=1)


@given(st.builds(Found, names, names, names), st.sampled_from([ALICE, Identity(), Identity(is_admin=True)]))
def test_what_is_sealed_can_be_read(found: Found, owner: Identity) -> None:
    ids = Ids("sk-1234", secure=True)
    name = ids.made(found, owner)
    assert name.startswith("resp_")
    assert ids.read(name, owner) == found


def test_ids_of_the_reference_are_understood() -> None:
    plain = "resp_" + base64.b64encode(b"litellm:custom_llm_provider:openai;model_id:m-1;response_id:resp_9").decode()
    text = f"litellm_proxy:responses_api:response_id:{plain};user_id:alice;team_id:red"
    box = SecretBox(hashlib.sha256(b"sk-1234").digest())
    name = "resp_" + base64.urlsafe_b64encode(box.encrypt(text.encode())).decode()
    assert Ids("sk-1234", secure=True).read(name, ALICE) == Found("openai", "m-1", "resp_9")


def test_another_gateway_cannot_read_them() -> None:
    name = Ids("sk-1234", secure=True).made(FOUND, ALICE)
    assert Ids("sk-other", secure=True).read(name, ALICE) is None


@given(st.text())
def test_anything_may_be_given_for_an_id(given_id: str) -> None:
    assert Ids("sk-1234", secure=True).read(given_id, ALICE) is None


@pytest.mark.parametrize(
    ("caller", "owner"),
    [
        (Identity(user_id="bob", team_id="red"), "user"),
        (Identity(), "user"),
        (Identity(user_id="alice", team_id="blue"), "team"),
    ],
)
def test_somebody_elses(caller: Identity, owner: str) -> None:
    ids = Ids("sk-1234", secure=True)
    with pytest.raises(GatewayError, match=f"associated with the {owner}") as caught:
        ids.read(ids.made(FOUND, ALICE), caller)
    assert caught.value.status == 403


def test_without_security_everybody_may_read() -> None:
    name = Ids("sk-1234", secure=True).made(FOUND, ALICE)
    ids = Ids("sk-1234", secure=False)
    assert ids.read(name, Identity(user_id="bob")) == FOUND
    assert ids.read(ids.made(FOUND, ALICE), Identity(user_id="bob")) == FOUND


def test_what_is_not_sealed_is_believed_of_admins_alone() -> None:
    plain = Ids("sk-1234", secure=False).made(FOUND, ALICE)
    ids = Ids("sk-1234", secure=True)
    assert ids.read(plain, ALICE) is None
    assert ids.read(plain, Identity(is_admin=True)) == FOUND


def test_without_a_key_nothing_is_sealed() -> None:
    ids = Ids(None, secure=True)
    assert ids.made(FOUND, ALICE).startswith("resp_bGl0ZWxsbTpj")
    assert ids.read(ids.made(FOUND, ALICE), Identity(user_id="bob")) == FOUND
