"""The journal of a process: what is in it comes out once, whatever happens to its writer."""

import os
from pathlib import Path

import pytest

from proxy.accounting import journal as module
from proxy.accounting.journal import abandoned, new_journal


def test_records_come_out_in_order_and_once(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    for line in (b"one", b"two"):
        journal.append(line)
    lines, end = journal.read()
    assert lines == [b"one", b"two"]
    journal.append(b"three")
    journal.taken(end)
    assert journal.read()[0] == [b"three"]
    assert not journal.is_empty


def test_a_file_that_was_read_is_cut(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    journal.append(b"one")
    journal.taken(journal.read()[1])
    assert journal.is_empty
    assert journal.path.stat().st_size == 0
    journal.append(b"two")
    assert journal.read()[0] == [b"two"]


def test_a_record_longer_than_a_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_BYTES", 16)
    journal = new_journal(tmp_path)
    journal.append(b"x" * 100)
    journal.append(b"short")
    lines, end = journal.read()
    assert lines[0] == b"x" * 100
    journal.taken(end)
    assert (lines + journal.read()[0])[-1] == b"short"


def test_a_busy_file_is_cut_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COMPACT_BYTES", 100)
    journal = new_journal(tmp_path)
    for number in range(50):
        journal.append(b"record %d" % number)
    _, end = journal.read()
    journal.append(b"after")
    journal.taken(end)
    assert journal.path.stat().st_size == len(b"after\n")
    assert journal.read()[0] == [b"after"]
    journal.append(b"and more")
    assert journal.read()[0] == [b"after", b"and more"]
    assert list(abandoned(tmp_path)) == [], "it is still locked"


def test_only_journals_of_the_dead_are_taken(tmp_path: Path) -> None:
    living, dead = new_journal(tmp_path), new_journal(tmp_path)
    dead.append(b"left behind")
    dead.close()
    [found] = abandoned(tmp_path)
    assert found.name == dead.name
    assert found.read()[0] == [b"left behind"]
    assert list(abandoned(tmp_path)) == []
    found.remove()
    assert [path.stem for path in tmp_path.iterdir()] == [living.name]


def test_half_a_record_of_a_dead_process_is_left_out(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    journal.append(b"whole")
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b"hal")
    [found] = abandoned(tmp_path)
    lines, end = found.read()
    assert lines == [b"whole"]
    found.taken(end)
    assert found.read()[0] == []
    found.skip_rest()
    assert found.is_empty


def test_a_full_disk_leaves_no_part_of_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = new_journal(tmp_path)
    journal.append(b"before")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:3]))
    with pytest.raises(OSError, match="no room"):
        journal.append(b"too much")
    monkeypatch.undo()
    journal.append(b"after")
    assert journal.read()[0] == [b"before", b"after"]


def test_others_cannot_read_it(tmp_path: Path) -> None:
    journal = new_journal(tmp_path / "spend")
    assert journal.path.stat().st_mode & 0o077 == 0
    assert journal.path.parent.stat().st_mode & 0o077 == 0


def test_it_is_given_up_once(tmp_path: Path) -> None:
    journal = new_journal(tmp_path)
    journal.remove()
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    journal.close()
    assert os.fstat(other).st_nlink == 1
    os.close(other)
