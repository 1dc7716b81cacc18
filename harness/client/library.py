"""What differs between the versions of realtime-js that a page may have, as data.

Each profile is one genuine version, held against a trace of it under fake timers
(``tests/harness/client/oracle``). What all of them share is in the code of ``connection`` and
``channel``. Durations are seconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """One version of realtime-js, with the numbers and habits a user can feel."""

    name: str
    version: str
    """Of ``@supabase/realtime-js``: the one whose trace this profile is held against."""
    heartbeat_s: float = 25.0
    heartbeat_after: Literal["answer", "heartbeat"] = "answer"
    """What the next heartbeat is counted from. ``answer``: a timer that each answer sets anew, and
    a second one that gives an unanswered heartbeat up after ``heartbeat_s``. ``heartbeat``: one
    interval for the life of the socket, whose next turn finds the earlier one unanswered."""
    worker_ends_with_socket: bool = True
    """``worker: true``: the worker that counts ends with the ``close`` event of the socket, and
    where it is refused the library hangs up for good; else it goes on over all sockets, and where
    it is refused no heartbeat is sent."""
    join_timeout_s: float = 10.0
    backoff_s: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)
    """Waits before the 1st, 2nd, 3rd and every later try, of sockets and joins; no jitter (H6)."""
    reconnect_extra_s: float = 0.0
    """On top of each wait for a socket."""
    closing_looks_s: tuple[float, ...] = (0.15, 0.3, 0.45, 0.6)
    """A socket that the library closes is looked at after each of these, one after the other, and
    let go when it is closed or they are over: 1.5 s. Empty: its ``close`` event is waited for."""
    closing_patience_s: float = 0.0
    """Where there are no looks: a missed heartbeat sets the reconnect timer after this."""
    joins_on_open: bool = True
    """Errored channels join as soon as a socket opens; else on their own timer's next turn, which
    goes on while there is no socket."""
    repeats_errors: bool = False
    """An errored channel reports each further end of a socket, and its ``error`` event apart."""
    watches_page: bool = True
    """Listens to ``visibilitychange``, ``pagehide`` and ``pageshow`` (H10)."""
    checks_join_ref: bool = True
    """Frames of an earlier join of the topic are dropped, and a join that was interrupted or timed
    out is forgotten; else an interrupted join keeps its timer, which spoils the next one."""
    asks_for_token: bool = True
    """Asks for the user's token on connecting, with every heartbeat and after every join. Versions
    before 2.112.1 do no more once they were given one, which supabase-js does at once."""
    empty_s: float = 50.0
    """The socket is closed this long after the last channel was left."""
    ended_is_left: bool = True
    """Also after one that ended by itself; else only after one that the app left."""

    def backoff(self, tries: int) -> float:
        """The wait before try ``tries`` (1 for the first) in seconds."""
        return self.backoff_s[min(tries, len(self.backoff_s)) - 1]


LEGACY = Library(
    name="rjs-legacy",
    version="2.95.3",
    heartbeat_after="heartbeat",
    worker_ends_with_socket=False,
    reconnect_extra_s=0.01,
    closing_looks_s=(),
    closing_patience_s=0.1,
    joins_on_open=False,
    repeats_errors=True,
    watches_page=False,
    checks_join_ref=False,
    asks_for_token=False,
    empty_s=0.0,
    ended_is_left=False,
)
"""2.95.3 and older: realtime-js's own socket."""
RJS_2_100 = Library(name="rjs-2.100", version="2.109.0", asks_for_token=False)
"""From 2.100: phoenix-js under realtime-js. In time and order the traces of 2.109.0 and of 2.119.1
are the same, but for who renews the token."""
CURRENT = Library(name="rjs-current", version="2.119.1")

LIBRARIES = {library.name: library for library in (LEGACY, RJS_2_100, CURRENT)}
