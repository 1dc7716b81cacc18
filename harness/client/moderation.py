"""Hiding and deleting other people's messages, as a moderator does from the list (R5, H2)."""

from __future__ import annotations

import msgspec

from harness.client.effects import Effects
from harness.client.message_list import MessageList
from harness.client.policy import Policy
from harness.client.request import RequestEvent, Requests
from harness.records import ModerationEnded, ModerationStarted
from harness.runsettings import ModerationKind
from harness.seeds import Draws
from harness.wire.api import LIST_PATH, CreateAnswer
from harness.wire.changes import MessageRow
from harness.wire.unreadable import UNREADABLE

_LOOKS_AT = 8
"""A moderator acts on what stands at the end of the list, as long as it is fresh."""
_decode_answer = msgspec.json.Decoder(CreateAnswer).decode


class Moderation:
    """The moderator's buttons, and the requests that are under way."""

    __slots__ = ("_done", "_effects", "_list", "_policy", "_rng", "_under_way")

    def __init__(
        self, policy: Policy, message_list: MessageList, effects: Effects, rng: Draws
    ) -> None:
        self._policy = policy
        self._list = message_list
        self._effects = effects
        self._rng = rng
        self._done: set[int] = set()
        """Rows that the person has dealt with, whatever the page shows of it."""
        self._under_way = Requests[tuple[int, ModerationKind]]("moderation", effects)

    def act(self, act: ModerationKind, now_s: float) -> bool:
        """Hide or delete one of the newest rows; false where none is there to be."""
        rows = [one for one in self._list.newest_visible(_LOOKS_AT) if one not in self._done]
        if not rows:
            return False
        row_id = self._rng.choice(rows)
        if act == "hide_message":
            request = self._effects.request("POST", f"{LIST_PATH}/{row_id}/hide", b"")
        else:
            request = self._effects.request("DELETE", f"{LIST_PATH}/{row_id}")
        until_s = now_s + self._policy.ack_timeout_s  # the app waits no longer than for a send
        self._under_way.begins(request, (row_id, act), until_s=until_s)
        user = self._effects.user
        self._effects.sink.event(ModerationStarted(t_s=now_s, user=user, row_id=row_id, act=act))
        return True

    def owns(self, request: int) -> bool:
        return self._under_way.owns(request)

    def answered(
        self, request: int, body: bytes, now_s: float
    ) -> tuple[ModerationKind, MessageRow] | None:
        """The route answered; returns what was done to which row on success."""
        row_id, act = self._under_way.about(request)
        row, event = _read(body, row_id)
        self._ends(request, event, now_s)
        if row is None:
            return None
        self._done.add(row_id)
        return act, row

    def failed(self, request: int, now_s: float) -> None:
        """No answer: refused, reset, closed, offline."""
        self._ends(request, RequestEvent.FAIL, now_s)

    def timed_out(self, request: int, now_s: float) -> None:
        self._ends(request, RequestEvent.TIME_OUT, now_s)

    def _ends(self, request: int, event: RequestEvent, now_s: float) -> None:
        row_id, act = self._under_way.about(request)
        outcome = self._under_way.ends(request, event)
        self._effects.sink.event(
            ModerationEnded(
                t_s=now_s, user=self._effects.user, row_id=row_id, act=act, outcome=outcome
            )
        )


def _read(body: bytes, row_id: int) -> tuple[MessageRow | None, RequestEvent]:
    """What an answer means for this row."""
    try:
        answer = _decode_answer(body)
    except UNREADABLE:
        return None, RequestEvent.MISREAD
    if not answer.success:
        return None, RequestEvent.REFUSE
    if answer.message is None or answer.message.id != row_id:
        return None, RequestEvent.MISREAD
    return answer.message, RequestEvent.SUCCEED
