"""Proof that explicit assertions can fail: changes each recording of an item and wants its case to notice.

    python -m contracts.harness.mutate A4

A case is replayed with one value changed at a time: a status, a leaf of a body, a header, a dropped journal entry, an
ending. It is proven as soon as it trips over that by itself. One line per finding; exit status: 0 all proven, 1
findings, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from contracts.harness.case import Case
from contracts.harness.cassette import Interaction, Recording
from contracts.harness.catalogue import CatalogueError, run_in_process, selection
from contracts.harness.compare import ALWAYS_COMPARED
from contracts.harness.exchange import Direction, Exchange, parse_events
from contracts.harness.faults import CheckFailed, NeverHeld
from contracts.harness.mark import case_id
from contracts.harness.matrix import ITEM_IDS
from contracts.harness.results import CORE, Fault
from contracts.harness.verdict import fault_of

LEAVES = 60
Steps = tuple[str | int, ...]


def mutations(recording: Recording) -> Iterator[Recording]:
    """The recording with one thing changed at a time, the most telling first."""
    exchanges = list(enumerate(_in_order(recording)))
    answers = [(index, exchange) for index, exchange in exchanges if not exchange.is_control]
    for index, exchange in answers:
        yield _changed(recording, index, status=500 if exchange.status < 400 else 200)
    for index, exchange in exchanges:
        if exchange.is_journal:
            yield from _bodies(recording, index, _without_a_call(exchange))
    for index, exchange in answers:
        yield from _bodies(recording, index, _other_bodies(exchange))
    for index, exchange in answers:
        yield from (_changed(recording, index, header=name) for name in exchange.headers if name not in ALWAYS_COMPARED)
    for label, taped in recording.tapes.items():
        yield from (_with_tape(recording, label, changed) for changed in _other_tapes(taped))


class Mutator:
    """A pytest plugin: in place of each case, the case on changed recordings. `findings` has those that never
    tripped."""

    def __init__(self) -> None:
        self.proven = 0
        self.findings: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Replay with changes; the unchanged replay is another run's business."""
        arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        # Taken out, so that the plugin does not finish a case that never ran.
        made = pyfuncitem.funcargs.pop("case", None)
        if not isinstance(made, Case):
            return None
        tried = 0
        for changed in mutations(made.setup.recording()):
            tried += 1
            if _trips(made, changed, pyfuncitem.obj, arguments):
                self.proven += 1
                return True
        self.findings.append(f"{case_id(pyfuncitem)}: none of {tried} changes to its recording trips an assertion")
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A case that cannot even be set up is a finding too."""
        if report.failed:
            self.findings.append(f"{report.nodeid}: {report.longreprtext.splitlines()[-1]}")


def mutate(item: str) -> Mutator:
    """Run every case of an item on changed recordings, in this process. Raises CatalogueError."""
    mutator = Mutator()
    run_in_process([*selection(item), "--target=cassette"], mutator)
    return mutator


def _trips(made: Case, changed: Recording, test: Any, arguments: dict[str, Any]) -> bool:
    replayed = Case(msgspec.structs.replace(made.setup, player=changed))
    try:
        with changed.playing():
            test(**{**arguments, "case": replayed})
    except NeverHeld:
        return True
    except CheckFailed:
        return False  # the harness's comparison, not the case's own assertion
    except Exception as error:
        return fault_of(error) is Fault.CONTRACT  # `[call] = case.journal()` asserts as well as `assert` does
    finally:
        replayed.close()
    return False


def _in_order(recording: Recording) -> list[Exchange]:
    return [found for label, found in recording.exchanges.items() if label not in recording.tapes]


def _changed(
    recording: Recording, index: int, *, status: int = 0, header: str = "", body: bytes | None = None
) -> Recording:
    sent, answer = recording.interactions[index]
    changed = copy.deepcopy(answer)
    if status:
        changed["status"]["code"] = status
    for name in [name for name in changed["headers"] if name.lower() == header]:
        del changed["headers"][name]
    if body is not None:
        changed["body"]["string"] = body
    interactions: list[Interaction] = list(recording.interactions)
    interactions[index] = (sent, changed)
    return Recording(recording.path, interactions, recording.tapes)


def _bodies(recording: Recording, index: int, bodies: Iterator[bytes]) -> Iterator[Recording]:
    for body in bodies:
        yield _changed(recording, index, body=body)


def _without_a_call(journal: Exchange) -> Iterator[bytes]:
    calls = journal.json["calls"]
    for index in range(len(calls)):
        yield msgspec.json.encode({"calls": calls[:index] + calls[index + 1 :]})


def _other_bodies(exchange: Exchange) -> Iterator[bytes]:
    if exchange.is_stream:
        events = parse_events(exchange.body)
        for index in range(len(events)):
            rest = events[:index] + events[index + 1 :]
            yield b"".join(b"data: " + event.data.encode() + b"\n\n" for event in rest)
        return
    yield from _other_data(exchange.body)


def _other_data(data: bytes) -> Iterator[bytes]:
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        yield data + b"?"
        return
    for path in list(_leaves(body))[:LEAVES]:
        yield msgspec.json.encode(_with_other_leaf(body, path))


def _leaves(value: Any, path: Steps = ()) -> Iterator[Steps]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    else:
        yield path


def _with_other_leaf(body: Any, path: Steps) -> Any:
    if not path:
        return _other(body)
    changed = copy.deepcopy(body)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = _other(holder[path[-1]])
    return changed


def _other(leaf: Any) -> Any:
    if isinstance(leaf, str):
        return f"{leaf}?"
    if isinstance(leaf, bool) or leaf is None:
        return not leaf
    return leaf + 1 if isinstance(leaf, int | float) else "?"


def _other_tapes(taped: Exchange) -> Iterator[Exchange]:
    replace = msgspec.structs.replace
    yield replace(taped, status=500 if taped.status < 400 else 200)
    yield replace(taped, end="done" if taped.end != "done" else "dropped")
    if taped.is_socket:
        yield replace(taped, reason=f"{taped.reason}?")
    for index, frame in enumerate(taped.frames):
        if frame.direction is Direction.SENT:
            continue  # the case's own: without it the case could not go on
        before, after = taped.frames[:index], taped.frames[index + 1 :]
        frames = before + after
        yield replace(taped, frames=frames, body=b"".join(frame.data + b"\n\n" for frame in frames))
        if taped.is_socket:
            others = (replace(frame, data=data) for data in _other_data(frame.data))
            for other in (*others, replace(frame, binary=not frame.binary)):
                yield replace(taped, frames=(*before, other, *after))
    for name in taped.headers:
        headers = taped.headers.copy()
        del headers[name]
        yield replace(taped, headers=headers)


def _with_tape(recording: Recording, label: str, changed: Exchange) -> Recording:
    return Recording(recording.path, recording.interactions, {**recording.tapes, label: changed})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("item", metavar="ITEM", choices=[CORE, *ITEM_IDS], help="A1 ... F8, or core")
    item = parser.parse_args().item
    try:
        mutator = mutate(item)
    except CatalogueError as error:
        parser.error(f"the cases of {item} cannot be run:\n{error}")
    print("\n".join(mutator.findings) or f"{item}: {mutator.proven} cases notice a changed recording")
    if not mutator.proven and not mutator.findings:
        parser.error(f"{item} has no recorded case")
    sys.exit(1 if mutator.findings else 0)


if __name__ == "__main__":
    main()
