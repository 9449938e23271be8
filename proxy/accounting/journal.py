"""The journal of one process: a file of records that the database does not have yet.

A record is handed to the operating system by one write before its answer is complete, so it outlives the process however
that ends. Nothing is synced to the disk: a machine that loses its power may lose the records of the last seconds.
Whoever holds the lock of a file is the only one to write or remove it; the locks of a dead process are free.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

SUFFIX = ".journal"
READ_BYTES = 262_144
"""Read at once, or one record if that is longer."""
COMPACT_BYTES = 16_000_000
"""So much that the database has is cut off a file that is never empty."""


_CLOSED = -1


class Journal:
    """One file, held open and locked.

    Raises:
        OSError: the folder cannot be written to.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor
        self.offset = 0
        """Bytes at the front that the database has."""
        self.size = os.fstat(descriptor).st_size
        """Bytes."""

    @property
    def name(self) -> str:
        """Unique in the world."""
        return self.path.stem

    @property
    def is_empty(self) -> bool:
        """Whether everything in it was taken."""
        return self.offset >= self.size

    def append(self, line: bytes) -> None:
        """Write a record.

        Raises:
            OSError: it is not in the file, no part of it.
        """
        written = os.write(self._file, line + b"\n")
        if written <= len(line):
            os.ftruncate(self._file, self.size)
            raise OSError(errno.ENOSPC, "no room for a record of spend", str(self.path))
        self.size += written

    def read(self) -> tuple[list[bytes], int]:
        """The next records, and where they end: what :meth:`taken` is told once the database has them."""
        size = READ_BYTES
        while True:
            part = os.pread(self._file, size, self.offset)
            end = part.rfind(b"\n") + 1
            if end or len(part) < size:
                return part[:end].split(b"\n")[:-1], self.offset + end
            size *= 4

    def skip_rest(self) -> None:
        """What is left is no whole record: its writer died before the answer was complete."""
        self.offset = self.size

    def taken(self, offset: int) -> None:
        """The database has everything up to there; the file is cut where that is cheap."""
        self.offset = offset
        if self.is_empty:
            os.ftruncate(self._file, 0)
            self.offset = self.size = 0
        elif offset > COMPACT_BYTES and self.size - offset < READ_BYTES:
            self._compact()

    def remove(self) -> None:
        """Give the file up, and delete it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Give the file up: another process will take what is in it. Once: its number may be another file's by then."""
        if self._file != _CLOSED:
            descriptor, self._file = self._file, _CLOSED
            os.close(descriptor)

    def _compact(self) -> None:
        """A new file with what is left, in the place of the old."""
        rest = os.pread(self._file, self.size - self.offset, self.offset)
        beside = self.path.with_suffix(".new")
        descriptor = _opened(beside)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, rest)
        beside.rename(self.path)
        os.close(self._file)
        self._file, self.offset, self.size = descriptor, 0, len(rest)


def new_journal(folder: Path) -> Journal:
    """A journal of one's own. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        found = _locked(folder / f"{uuid4().hex}{SUFFIX}", create=True)
        if found is not None:
            return found


def abandoned(folder: Path) -> Iterator[Journal]:
    """The journals that nobody holds; they are the caller's then. Raises OSError."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        found = _locked(path, create=False)
        if found is not None:
            yield found


def _locked(path: Path, *, create: bool) -> Journal | None:
    try:
        descriptor = _opened(path) if create else os.open(path, os.O_RDWR | os.O_APPEND)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # between opening and locking, another process may have removed the file
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return Journal(path, descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC, 0o600)
