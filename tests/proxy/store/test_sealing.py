"""Secrets at rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.sealing import MARK, Sealer, WrongSaltKeyError, salt_key

SEALER = Sealer("sk-salt")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values))
def test_what_is_sealed_comes_back(secrets: dict[str, object]) -> None:
    sealed = SEALER.seal_all("models", secrets)
    assert SEALER.unseal_all("models", sealed) == secrets
    assert sealed.keys() == secrets.keys()


def test_a_sealed_text_says_nothing() -> None:
    one, other = SEALER.seal("models", "sk-very-secret"), SEALER.seal("models", "sk-very-secret")
    assert one.startswith(MARK)
    assert "secret" not in one
    assert one != other


def test_purposes_are_kept_apart() -> None:
    with pytest.raises(WrongSaltKeyError):
        SEALER.unseal("credentials", SEALER.seal("models", "sk-x"))


def test_another_salt_key_is_named() -> None:
    with pytest.raises(WrongSaltKeyError, match="set LITELLM_SALT_KEY"):
        Sealer("sk-other").unseal("models", SEALER.seal("models", "sk-x"))


@pytest.mark.parametrize(
    "broken", [MARK, MARK + "!!", MARK + "AAAA", SEALER.seal("models", "x")[:-4]], ids=["empty", "odd", "short", "cut"]
)
def test_what_was_changed_is_refused(broken: str) -> None:
    with pytest.raises(WrongSaltKeyError):
        SEALER.unseal("models", broken)


def test_plain_texts_stay() -> None:
    assert SEALER.unseal("models", "os.environ/OPENAI_API_KEY") == "os.environ/OPENAI_API_KEY"


def test_where_the_salt_key_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LITELLM_SALT_KEY", raising=False)
    assert salt_key("sk-master") == "sk-master"
    monkeypatch.setenv("LITELLM_SALT_KEY", "sk-salt")
    assert salt_key("sk-master") == "sk-salt"
    monkeypatch.setenv("TIANJI_SALT_KEY", "sk-ours")
    assert salt_key("sk-master") == "sk-ours"
