"""The jobs that every gateway with a database has."""

import logging
from functools import partial
from typing import Any

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.durations import seconds_of
from proxy.jobs.budgets import reset_budgets
from proxy.jobs.cleaning import remove_expired_sessions, remove_old_logs
from proxy.jobs.jobs import Jobs
from proxy.store.store import Store

log = logging.getLogger(__name__)

RESET_SECONDS = 60.0
"""How late a budget may begin anew. (The reference looks about every ten minutes.)"""
SESSIONS_SECONDS = 3600.0
RETENTION = "maximum_spend_logs_retention_period"
INTERVAL = "maximum_spend_logs_retention_interval"


def add_standing_jobs(jobs: Jobs, store: Store, config: ProxyConfig) -> None:
    """Register them.

    Raises:
        ConfigError: a setting is not what it should be.
    """
    general = config.general_settings.other
    if general.get("disable_reset_budget") is not True:
        lowest = general.get("proxy_budget_rescheduler_min_time")
        seconds = RESET_SECONDS if lowest is None else min(RESET_SECONDS, _positive(lowest))
        jobs.add("reset budgets", seconds, partial(_told, "%d budgets began anew", reset_budgets, store))
    jobs.add(
        "remove expired sessions",
        SESSIONS_SECONDS,
        partial(_told, "%d keys of sessions that ended were removed", remove_expired_sessions, store),
    )
    period = general.get(RETENTION)
    if period is not None:
        _seconds(RETENTION, period)
        every = _seconds(INTERVAL, general.get(INTERVAL, "1d"))
        jobs.add(
            "remove old logs of spend",
            every,
            partial(_told, "%d rows of old calls were removed", remove_old_logs, store, _text(period)),
        )


async def _told(line: str, work: Any, *arguments: Any) -> None:
    count = await work(*arguments)
    if count:
        log.info(line, count)


def _text(period: Any) -> str:
    """A number alone means seconds."""
    return f"{period}s" if isinstance(period, int) else str(period)


def _seconds(name: str, period: Any) -> float:
    try:
        seconds = seconds_of(_text(period), 0.0)
    except ValueError as error:
        raise ConfigError(f"{error}; write 30d", key=f"general_settings.{name}") from None
    if seconds <= 0:
        raise ConfigError("must be above 0; write 30d", key=f"general_settings.{name}")
    return seconds


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ConfigError(
            "expected a number of seconds above 0", key="general_settings.proxy_budget_rescheduler_min_time"
        )
    return float(value)
