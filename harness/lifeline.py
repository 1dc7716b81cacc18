"""A child's lifeline to its parent: the child's stdin.

Every child process of ours gets a pipe as its stdin whose other end only its parent holds and
never writes to. When the parent ends, however it ends (``kill -9`` included), the kernel closes
that end and the child reads an end of file. Ending on it leaves no process behind.

The other end must stay with the parent alone: a process that the parent *forks* without an exec
inherits it, and then the line breaks only when both are gone.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

_STDIN = 0


def on_stdin_eof(callback: Callable[[], None]) -> None:
    """Call ``callback`` once, from a daemon thread, when nobody holds our stdin's other end.

    What is written to stdin meanwhile is read and dropped. A stdin that is closed, empty or
    broken counts as an end of file, so ``callback`` may run at once.
    """
    threading.Thread(target=_wait, args=(callback,), name="lifeline", daemon=True).start()


def _wait(callback: Callable[[], None]) -> None:
    try:
        _read_to_end()
    except OSError:
        # A closed descriptor or a reset socket pair: like an end of file, nobody is there.
        callback()
    else:
        callback()


def _read_to_end() -> None:
    while True:
        # Under gevent's patches a thread is a greenlet and os.read would stop the whole process;
        # select is cooperative there, and an ordinary blocking call everywhere else.
        select.select([_STDIN], [], [])
        if not os.read(_STDIN, 4096):
            return
