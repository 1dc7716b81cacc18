"""``load.recorded_file``: moments kept in a file beside the scenario.

One moment a line, in seconds after the load begins; empty lines and what follows ``#`` do not
count. The resolved scenario carries the moments themselves, so that it runs again without the
file, and on a worker that does not have it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import UsageError

KEY = "recorded_file"


def with_recorded(tables: dict[str, Any], *, folder: Path, where: str) -> dict[str, Any]:
    """``tables`` with the file that they name read into ``load.recorded_s``.

    Raises :class:`UsageError` where the file cannot be read, holds something else than numbers,
    or moments are written in the scenario too.
    """
    load = tables.get("load")
    if not isinstance(load, dict) or KEY not in load:
        return tables
    name = load[KEY]
    if not isinstance(name, str):
        raise UsageError(f"{where}: load.{KEY}: expected the path of a text file")
    if "recorded_s" in load:
        raise UsageError(f"{where}: load.{KEY}: recorded_s is given too; one of the two")
    rest = {key: value for key, value in load.items() if key != KEY}
    return tables | {"load": rest | {"recorded_s": _moments(folder / name, where)}}


def _moments(path: Path, where: str) -> list[float]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"{where}: load.{KEY}: {path} cannot be read: {reason}") from None
    moments = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if text:
            moments.append(_moment(text, f"{where}: load.{KEY}: {path} line {number}"))
    return moments


def _moment(text: str, place: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{place}: {text[:40]!r} is not a number of seconds") from None
