"""Column types that behave alike on SQLite and Postgres."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, Double, String, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no zone: it is put back when a value is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Dollars(TypeDecorator[float]):
    """US dollars. SQLite gives back whole ones as integers after ``RETURNING``."""

    impl = Double
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        return None if value is None else float(value)


#: Objects and lists; ``None`` is SQL's NULL.
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def now() -> datetime:
    """The present in UTC, to the millisecond: what the reference stores and clients have always parsed."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def text(name: str, **options: Any) -> Column[str]:
    return Column(name, String, **options)


def money(name: str, **options: Any) -> Column[float]:
    """US dollars."""
    return Column(name, Dollars, **options)


def count(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, **options)


def moment(name: str, **options: Any) -> Column[datetime]:
    return Column(name, Moment, **options)


def listing(name: str) -> Column[Any]:
    """A list, empty unless given."""
    return Column(name, Json, nullable=False, default=list, server_default="[]")


def mapping(name: str) -> Column[Any]:
    """An object, empty unless given."""
    return Column(name, Json, nullable=False, default=dict, server_default="{}")


def optional(name: str) -> Column[Any]:
    """An object, or nothing."""
    return Column(name, Json)


def spent(name: str = "spend") -> Column[float]:
    """US dollars so far."""
    return Column(name, Dollars, nullable=False, default=0.0, server_default="0")


def created() -> list[Column[datetime]]:
    """When a row was made and last changed; the management code sets ``updated_at``."""
    return [
        Column("created_at", Moment, nullable=False, default=now, server_default=func.now()),
        Column("updated_at", Moment, nullable=False, default=now, server_default=func.now()),
    ]


def authored() -> list[Column[Any]]:
    """Those, and who did it."""
    return [*created(), Column("created_by", String), Column("updated_by", String)]
