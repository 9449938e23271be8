"""The state that a config asks for."""

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.state.base import State
from proxy.state.memory import MemoryState
from proxy.state.settings import redis_settings


def open_state(config: ProxyConfig) -> State:
    """A state that is to be started; in memory when the config names no Redis.

    Raises:
        ConfigError: a setting of Redis cannot be used, or its client library is missing.
    """
    settings = redis_settings(config)
    if settings is None:
        return MemoryState()
    try:
        from proxy.state.redis import RedisState
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"Redis at {settings.where} needs the package {error.name}; install the extra `redis` of tianji"
        ) from error
    from proxy.state.resilient import ResilientState

    return ResilientState(RedisState(settings), settings.where)
