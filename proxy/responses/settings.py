"""``litellm_settings.responses``: which background responses this gateway makes itself, to be polled."""

from collections.abc import Sequence

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.responses.polling import DEFAULT_SECONDS

KEY = "litellm_settings.responses"
ALL = "all"


class Background(msgspec.Struct, frozen=True):
    """``background_mode``."""

    polling_via_cache: bool | str | tuple[str, ...] = False
    """``all``, or the providers whose models are polled."""
    ttl: float = DEFAULT_SECONDS
    """Seconds that a response is kept after it was last written."""
    native_background_mode: tuple[str, ...] = ()
    """Models whose vendors make such responses themselves."""

    def makes(self, model: str, deployments: Sequence[Deployment]) -> bool:
        """Whether a background response of ``model`` is made here."""
        if model in self.native_background_mode:
            return False
        if not isinstance(self.polling_via_cache, tuple):
            return self.polling_via_cache == ALL
        return any(deployment.provider in self.polling_via_cache for deployment in deployments)


class _Responses(msgspec.Struct):
    background_mode: Background | None = None


def background_of(config: ProxyConfig) -> Background:
    """The setting of a config.

    Raises:
        ConfigError: it is not what it should be.
    """
    given = config.settings.other.get("responses") or {}
    try:
        background = msgspec.convert(given, _Responses).background_mode or Background()
    except msgspec.ValidationError as error:
        raise ConfigError(f"{KEY}: {error}", place=config.places.get(KEY), key=KEY) from error
    named = background.polling_via_cache
    if isinstance(named, str) and named != ALL:
        problem = f"polling_via_cache is {named!r}; write all, or a list of providers such as [openai]"
        raise ConfigError(f"{KEY}.background_mode: {problem}", place=config.places.get(KEY), key=KEY)
    return background
