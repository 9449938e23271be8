"""The spend of a process's calls: into its journal as they end, from there into the database every few seconds."""

import asyncio
import hashlib
import logging
import math
import os
import time
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from proxy.accounting.journal import Journal, abandoned, new_journal
from proxy.accounting.ledger import Ledger
from proxy.accounting.places import state_folder
from proxy.accounting.record import Recording, encode, record_of, shown
from proxy.accounting.totals import holders
from proxy.call import Call
from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.store.accounts import Accounts
from proxy.store.address import Address
from proxy.store.store import Store

log = logging.getLogger(__name__)

FOLDER = "general_settings.spend_journal_folder"
VARIABLES = ("TIANJI_SPEND_JOURNAL_FOLDER", "SPEND_JOURNAL_FOLDER")
INTERVAL = 10.0
"""Seconds; the reference's."""
ADOPT_SECONDS = 30.0
"""How often a process looks for what others left behind."""
LONGEST_WAIT = 30.0
"""Between attempts while the database is away."""
LAST_SECONDS = 5.0
"""For the last records of a process that stops; what is left then, the next one takes."""


class Spend:
    """One per process.

    Raises:
        ConfigError: a setting is not what it should be.
    """

    def __init__(self, config: ProxyConfig, store: Store, accounts: Accounts) -> None:
        self._rules = Recording(config)
        general = config.general_settings.other
        self._accounts = accounts
        self._ledger = Ledger(store, accounts, keeps_logs=general.get("disable_spend_logs") is not True)
        self._updates = (
            str(general.get("disable_spend_updates", os.environ.get("DISABLE_SPEND_UPDATES"))).lower() != "true"
        )
        self._interval = _interval(
            general.get("proxy_batch_write_at", os.environ.get("PROXY_BATCH_WRITE_AT", INTERVAL))
        )
        self._folder = _folder(general.get("spend_journal_folder"), store.address)
        self._journal: Journal | None = None
        self._number = 0
        self._writing: asyncio.Task[None] | None = None
        self._looked = 0.0
        self._draining = asyncio.Lock()
        self._away = False

    def settle(self, call: Call) -> None:
        """Charge a call, once, with what is known of it now. Costs about 15 us (measured)."""
        if call.settled or self._journal is None:
            return
        call.settled = True
        outcome = call.outcome
        called = outcome.route is not None or outcome.deployment is not None
        if not self._updates or (not called and outcome.ending == "done" and outcome.status < 400):
            return  # the second: no model was called, and nothing failed
        record = record_of(call, outcome, self._rules, self._number + 1)
        if record.failed is not None and (not self._rules.errors or not record.key):
            return
        try:
            self._journal.append(encode(record))
        except OSError as error:
            # the line of the log is all that remains of it
            log.exception("spend could not be kept (%s): %s", error.strerror, shown(record))
            return
        self._number += 1
        if record.dollars:
            for kind, holder in holders(record):
                self._accounts.charge(kind, holder, record.dollars)

    async def start(self) -> None:
        """Inside the loop, once the store has started.

        Raises:
            ConfigError: there is no place for the journal.
        """
        try:
            self._journal = new_journal(self._folder)
        except OSError as error:
            raise ConfigError(
                f"{self._folder}: {error.strerror}; name a folder that can be written to", key=FOLDER
            ) from None
        self._writing = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is left, as far as that is possible in a few seconds."""
        if self._writing is None or self._journal is None:
            return
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        journal, self._journal = self._journal, None
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._ledger.drain(journal, own=True)
                await self._ledger.forget(journal)
        except (SQLAlchemyError, OSError, TimeoutError):
            log.warning("the spend of the last calls is written by the next process (%s)", journal.path)
            journal.close()

    async def flush(self) -> None:
        """Write now what there is. Raises as :meth:`Ledger.drain` does."""
        async with self._draining:
            if self._journal is not None:
                await self._ledger.drain(self._journal, own=True)

    async def _write(self) -> None:
        wait = 0.0
        while True:
            await asyncio.sleep(wait)
            try:
                await self.flush()
                await self._adopt()
                wait = self._interval
                if self._away:
                    log.warning("spend is written again")
                self._away = False
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                wait = min(LONGEST_WAIT, max(wait, 1.0) * 2) if self._away else 1.0
                if not self._away:
                    log.error("spend waits in %s: %s", self._folder, type(error).__name__)  # noqa: TRY400
                self._away = True
            except Exception:
                log.exception("spend could not be written")
                wait = LONGEST_WAIT

    async def _adopt(self) -> None:
        """Write what processes left behind that are no more."""
        if time.monotonic() - self._looked < ADOPT_SECONDS and self._looked:
            return
        for journal in abandoned(self._folder):
            try:
                count = await self._ledger.drain(journal, own=False)
                await self._ledger.forget(journal)
            except BaseException:
                journal.close()
                raise
            if count:
                log.warning("the spend of %d calls of a process that died was written", count)
        self._looked = time.monotonic()


def _interval(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < math.inf:
        raise ConfigError("expected a number of seconds above 0; write 10", key="general_settings.proxy_batch_write_at")
    return seconds


def _folder(given: object, address: Address) -> Path:
    """Where journals are: as configured, else beside SQLite's file, else in the system's place for the state of programs.

    Each database has a folder of its own, so that gateways of several never take each other's.
    """
    named = given or next((value for name in VARIABLES if (value := os.environ.get(name))), None)
    if named is None and address.dialect == "sqlite":
        return Path(f"{address.url.database}-spend")
    url = address.url
    which = f"{url.host}:{url.port or ''}/{url.database}{sorted(url.query.items())}"
    base = state_folder() / "spend" if named is None else Path(str(named)).expanduser()
    return base / hashlib.sha256(which.encode()).hexdigest()[:16]
