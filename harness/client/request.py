"""What becomes of a click that asks the chat's API for something: one table for every such click.

A send (S2, S3, S8) and a moderator's hide or delete (R5) end in the same five ways, and once
ended, nothing that still comes for them counts.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Generic, TypeVar

from harness.client.effects import Effects
from harness.client.states import after
from harness.records import SendOutcome


class Request(Enum):
    UNDER_WAY = auto()
    """Sent, and not answered yet."""
    DONE = auto()
    """The answer says success and carries the row that was asked for (S2)."""
    REFUSED = auto()
    """Answered in the agreed shape, with ``success: false`` (S8)."""
    BAD_ANSWER = auto()
    """Answered with anything else: HTML, nothing, another message's row (S8)."""
    UNANSWERED = auto()
    """The connection was refused, reset or closed, or the browser is offline."""
    TIMED_OUT = auto()
    """Aborted by the page, which waits no longer (S3); the server may have done it all the same."""


class RequestEvent(Enum):
    SUCCEED = auto()
    REFUSE = auto()
    MISREAD = auto()
    """The answer cannot be read, or does not fit the question."""
    FAIL = auto()
    """No answer will come."""
    TIME_OUT = auto()


REQUEST_TABLE: dict[tuple[Request, RequestEvent], Request] = {
    (Request.UNDER_WAY, RequestEvent.SUCCEED): Request.DONE,
    (Request.UNDER_WAY, RequestEvent.REFUSE): Request.REFUSED,
    (Request.UNDER_WAY, RequestEvent.MISREAD): Request.BAD_ANSWER,
    (Request.UNDER_WAY, RequestEvent.FAIL): Request.UNANSWERED,
    (Request.UNDER_WAY, RequestEvent.TIME_OUT): Request.TIMED_OUT,
}

_OUTCOMES: dict[Request, SendOutcome] = {
    Request.DONE: "ok",
    Request.REFUSED: "refused",
    Request.BAD_ANSWER: "bad_answer",
    Request.UNANSWERED: "network",
    Request.TIMED_OUT: "timeout",
}

What = TypeVar("What")
"""What a request is about."""


class Requests(Generic[What]):
    """The requests of one kind that are under way; one that has ended is forgotten."""

    __slots__ = ("_effects", "_kind", "_under_way")

    def __init__(self, kind: str, effects: Effects) -> None:
        """``kind``: the name of their timers, ``kind:number``."""
        self._kind = kind
        self._effects = effects
        self._under_way: dict[int, What] = {}

    def begins(self, request: int, about: What, *, until_s: float | None) -> None:
        """A request was started. ``until_s``: when it times out; ``None`` for never."""
        self._under_way[request] = about
        if until_s is not None:
            self._effects.wake_at(f"{self._kind}:{request}", until_s)

    def owns(self, request: int) -> bool:
        """Whether it is one of these, and under way."""
        return request in self._under_way

    def about(self, request: int) -> What:
        return self._under_way[request]

    def ends(self, request: int, event: RequestEvent) -> SendOutcome:
        """It is over: nothing more is waited for. One that timed out is aborted. Returns the
        outcome that is recorded, of a moderator's request as of a send."""
        ended = after(REQUEST_TABLE, Request.UNDER_WAY, event)
        if ended is Request.TIMED_OUT:
            self._effects.abort(request)
        self._effects.cancel(f"{self._kind}:{request}")
        del self._under_way[request]
        return _OUTCOMES[ended]
