"""The newest messages, which a page reads when it opens."""

from __future__ import annotations

import msgspec

from harness.client.cursor import Cursor
from harness.client.effects import Effects
from harness.client.policy import Policy
from harness.records import Finding
from harness.wire.api import LIST_PATH, ListAnswer
from harness.wire.changes import MessageRow
from harness.wire.unreadable import UNREADABLE

_decode = msgspec.json.Decoder(ListAnswer).decode


class History:
    """The one request for them, and the place from which the cursor starts."""

    __slots__ = ("_asked_s", "_cursor", "_effects", "_policy", "_request")

    def __init__(self, policy: Policy, cursor: Cursor, effects: Effects) -> None:
        self._policy = policy
        self._cursor = cursor
        self._effects = effects
        self._request: int | None = None
        self._asked_s = 0.0

    def ask(self, webinar: int, now_s: float) -> None:
        query = f"webinarId={webinar}&limit={self._policy.history_limit}"
        self._request = self._effects.request("GET", f"{LIST_PATH}?{query}")
        self._asked_s = now_s

    def owns(self, request: int) -> bool:
        return request == self._request

    def answered(self, body: bytes, now_s: float) -> tuple[MessageRow, ...]:
        """The rows that came, by id; none, with a finding, where the answer has none to read."""
        self._request = None
        try:
            answer = _decode(body)
        except UNREADABLE as error:
            self._found("history_bad_answer", str(error), now_s)
            return ()
        if not answer.success:
            self._found("history_refused", answer.error or "", now_s)
            return ()
        rows = answer.messages
        self._cursor.read(
            (rows[0].id, rows[-1].id) if rows else None,
            now_s,
            asked_s=self._asked_s,
            asked_after=None,
            whole=len(rows) < self._policy.history_limit,
            since_live=False,
        )
        return tuple(rows)

    def failed(self, reason: str, now_s: float) -> None:
        """No answer will come."""
        self._found("history_failed", reason, now_s)

    def _found(self, what: str, detail: str, now_s: float) -> None:
        self._effects.sink.event(
            Finding(t_s=now_s, user=self._effects.user, what=what, detail=detail[:500])
        )
