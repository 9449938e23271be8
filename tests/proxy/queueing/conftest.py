from tests.proxy.state.conftest import own_redis, redis

__all__ = ["own_redis", "redis"]
