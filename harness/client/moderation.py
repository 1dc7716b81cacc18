"""Hiding and deleting other people's messages, as a moderator does from the list (R5, H2)."""

from __future__ import annotations

from random import Random

import msgspec

from harness.client.effects import Effects
from harness.client.message_list import MessageList
from harness.client.policy import Policy
from harness.records import ModerationEnded, ModerationOutcome, ModerationStarted
from harness.runsettings import ModerationKind
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
        self, policy: Policy, message_list: MessageList, effects: Effects, rng: Random
    ) -> None:
        self._policy = policy
        self._list = message_list
        self._effects = effects
        self._rng = rng
        self._done: set[int] = set()
        """Rows that the person has dealt with, whatever the page shows of it."""
        self._under_way: dict[int, tuple[int, ModerationKind]] = {}

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
        self._under_way[request] = (row_id, act)
        self._effects.wake_at(f"moderation:{request}", now_s + self._policy.ack_timeout_s)
        user = self._effects.user
        self._effects.sink.event(ModerationStarted(t_s=now_s, user=user, row_id=row_id, act=act))
        return True

    def owns(self, request: int) -> bool:
        return request in self._under_way

    def answered(
        self, request: int, body: bytes, now_s: float
    ) -> tuple[ModerationKind, MessageRow] | None:
        """The route answered; returns what was done to which row on success."""
        try:
            answer = _decode_answer(body)
        except UNREADABLE:
            self._ended(request, "bad_answer", now_s)
            return None
        if not answer.success:
            self._ended(request, "refused", now_s)
            return None
        row_id, act = self._under_way[request]
        self._done.add(row_id)
        if answer.message is None or answer.message.id != row_id:
            self._ended(request, "bad_answer", now_s)
            return None
        self._ended(request, "ok", now_s)
        return act, answer.message

    def failed(self, request: int, now_s: float) -> None:
        """No answer: refused, reset, closed, offline."""
        self._ended(request, "network", now_s)

    def timed_out(self, request: int, now_s: float) -> None:
        """The app waits no longer than for a send."""
        self._effects.abort(request)
        self._ended(request, "timeout", now_s)

    def _ended(self, request: int, outcome: ModerationOutcome, now_s: float) -> None:
        self._effects.cancel(f"moderation:{request}")
        row_id, act = self._under_way.pop(request)
        self._effects.sink.event(
            ModerationEnded(
                t_s=now_s, user=self._effects.user, row_id=row_id, act=act, outcome=outcome
            )
        )
