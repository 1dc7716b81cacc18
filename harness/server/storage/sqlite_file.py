"""The file of an SQLite database, before SQLite has it: whether it can be one, and whose it is."""

from __future__ import annotations

import fcntl
import os
from io import FileIO
from pathlib import Path

from harness.errors import UsageError

_MAGIC = b"SQLite format 3\0"
"""How every database file begins (sqlite.org/fileformat2.html, 1.3.1)."""


def check_file(path: Path) -> None:
    """Raises :class:`UsageError` where there is or can be no database at ``path``; nothing is
    made or changed, so that whoever looks first need not clean up."""
    try:
        # Unbuffered: no more is read than asked for. Writing is a part of using it.
        with path.open("r+b", buffering=0) as file:
            begin = file.read(len(_MAGIC))
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise UsageError(
                f"{path}: there is no directory {path.parent}; --database must be an SQLite file,"
                " or a new file in an existing directory"
            ) from None
    except OSError as error:
        raise _unusable(path, error) from None
    else:
        if begin not in (b"", _MAGIC):
            raise UsageError(
                f"{path}: is no SQLite database; --database must be one, or a new file"
            )


def claim_file(path: Path) -> FileIO:
    """Make the file where there is none, and hold it alone until what is answered is closed.

    SQLite itself lets several processes write, but the ids and the log of commits are those of
    one server. The lock is flock's, which SQLite's own locks do not meet and which ends with the
    process. Close it after SQLite's connections: closing any descriptor of the file takes a
    process's SQLite locks away. Raises :class:`UsageError`.
    """
    try:
        # Nobody else's to read; SQLite gives -wal and -shm the mode of the file.
        claim = FileIO(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+")
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        raise UsageError(
            f"{path}: another server uses this database; stop it or give another --database"
        ) from None
    except OSError as error:
        claim.close()
        raise _unusable(path, error) from None
    return claim


def _unusable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path}: cannot be used as a database: {error.strerror}")
