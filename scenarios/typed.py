"""What is typed: single keys where stdin is a terminal, lines where it is a pipe or a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_STDIN = 0
_STDOUT = 1
_ENTER = ("\n", "\r")
_ESCAPE = b"\x1b"
_SHOW_CURSOR = b"\x1b[?25h"


class Typed:
    """Keys or lines as they come, then ``None`` for ever."""

    def __init__(self, *, single_keys: bool) -> None:
        self.single_keys = single_keys
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._ended = False

    async def next(self) -> str | None:
        if self._ended and self._queue.empty():
            return None
        text = await self._queue.get()
        self._ended = self._ended or text is None
        return text

    def put(self, text: str | None) -> None:
        self._queue.put_nowait(text)


@contextmanager
def typed(loop: asyncio.AbstractEventLoop, *, keys: bool) -> Iterator[Typed]:
    """Read stdin meanwhile; with ``keys`` a terminal gives each key at once and does not show it.

    A thread reads: what an event loop can watch does not include ordinary files. The terminal is
    afterwards as it was.
    """
    single = keys and sys.stdin.isatty()
    found = Typed(single_keys=single)
    stop_reading, stopped = os.pipe()
    with _as_keys() if single else contextlib.nullcontext():
        reader = threading.Thread(
            target=_read, args=(loop, found, stop_reading), name="typed", daemon=True
        )
        reader.start()
        try:
            yield found
        finally:
            os.close(stopped)
            reader.join()
            os.close(stop_reading)


def terminal_restorer() -> Callable[[], None]:
    """What makes the terminal again as it is now, cursor included; nothing where there is none."""
    before: list[Any] | None = termios.tcgetattr(_STDIN) if sys.stdin.isatty() else None

    def restore() -> None:
        if before is not None:
            termios.tcsetattr(_STDIN, termios.TCSANOW, before)
        if sys.stdout.isatty():
            os.write(_STDOUT, _SHOW_CURSOR)

    return restore


@contextmanager
def _as_keys() -> Iterator[None]:
    restore = terminal_restorer()
    tty.setcbreak(_STDIN, termios.TCSANOW)
    try:
        yield
    finally:
        restore()


def _read(loop: asyncio.AbstractEventLoop, found: Typed, stop: int) -> None:
    rest = b""
    while True:
        ready, _, _ = select.select([_STDIN, stop], [], [])
        if stop in ready:
            return
        try:
            chunk = os.read(_STDIN, 4096)
        except OSError:
            chunk = b""  # the terminal is gone
        rest += chunk
        texts, rest = cut(rest, single_keys=found.single_keys, last=not chunk)
        for text in texts:
            _put(loop, found, text)
        if not chunk:
            _put(loop, found, None)
            return


def cut(content: bytes, *, single_keys: bool, last: bool) -> tuple[list[str], bytes]:
    """The whole keys or lines of what was read, and what is left of it."""
    if single_keys:
        if content.startswith(_ESCAPE):  # an arrow or a function key is several bytes, and no key
            return [], b""
        text = content.decode(errors="replace")
        return ["" if key in _ENTER else key for key in text], b""
    *lines, rest = content.split(b"\n")
    if last and rest:
        lines, rest = [*lines, rest], b""
    return [line.decode(errors="replace").strip() for line in lines], rest


def _put(loop: asyncio.AbstractEventLoop, found: Typed, text: str | None) -> None:
    # A loop that is closed has nobody left to tell.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(found.put, text)
