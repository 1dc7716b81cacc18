"""Sending a message: rules S1 to S4, S6 and S8 as the person at the keyboard meets them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from harness.client.commands import ShowFailure
from harness.client.effects import Effects
from harness.client.message_list import MessageList
from harness.client.policy import Policy
from harness.client.request import RequestEvent, Requests
from harness.records import SendEnded, SendSkipped, SendStarted, SpinnerOff
from harness.wire.api import CREATE_PATH, CreateAnswer, CreateRequest
from harness.wire.changes import MessageRow
from harness.wire.unreadable import UNREADABLE

_encode = msgspec.json.Encoder().encode
_decode_answer = msgspec.json.Decoder(CreateAnswer).decode

SpinnerEnd = Literal["api", "realtime", "poll", "timeout", "error"]


class Attempt(NamedTuple):
    """What one request sends."""

    client_msg_id: str
    number: int
    """1 for the first with this ``client_msg_id``."""


class Composer:
    """The input field with its button, and the requests that are under way."""

    __slots__ = ("_disabled_until_s", "_effects", "_list", "_policy", "_under_way", "_webinar")

    def __init__(
        self, webinar: int, policy: Policy, message_list: MessageList, effects: Effects
    ) -> None:
        self._webinar = webinar
        self._policy = policy
        self._list = message_list
        self._effects = effects
        self._disabled_until_s = float("-inf")
        self._under_way = Requests[Attempt]("send", effects)

    def send(
        self, number: int, client_msg_id: str, body: str, planned_s: float, now_s: float
    ) -> None:
        """A click on send. Refused by S6 while the button is disabled, and recorded as such."""
        user = self._effects.user
        if now_s < self._disabled_until_s:
            self._effects.sink.event(
                SendSkipped(
                    t_s=now_s,
                    user=user,
                    number=number,
                    planned_s=planned_s,
                    reason="send_disabled",
                )
            )
            return
        self._disabled_until_s = now_s + self._policy.send_disabled_s
        self._list.show_bubble(client_msg_id, body, now_s)
        self._post(Attempt(client_msg_id, 1), number, body, planned_s, now_s)

    def send_again(
        self, attempt: Attempt, number: int, body: str, planned_s: float, now_s: float
    ) -> None:
        """The button on a failed bubble: the same message under the same ``client_msg_id`` (S5).
        Nothing happens where the bubble is not failed, so it is never sent twice at once (S6)."""
        if self._list.send_again(attempt.client_msg_id, now_s):
            self._post(attempt, number, body, planned_s, now_s)

    def _post(
        self, attempt: Attempt, number: int, body: str, planned_s: float, now_s: float
    ) -> None:
        content = CreateRequest(self._webinar, attempt.client_msg_id, body)
        request = self._effects.request("POST", CREATE_PATH, _encode(content))
        until_s = now_s + self._policy.ack_timeout_s if self._policy.send_timeout else None
        self._under_way.begins(request, attempt, until_s=until_s)
        self._effects.sink.event(
            SendStarted(
                t_s=now_s,
                user=self._effects.user,
                number=number,
                planned_s=planned_s,
                client_msg_id=attempt.client_msg_id,
                attempt=attempt.number,
            )
        )

    def owns(self, request: int) -> bool:
        return self._under_way.owns(request)

    def whose(self, request: int) -> str:
        """The ``client_msg_id`` that a request sends; empty for what is no send."""
        if not self._under_way.owns(request):
            return ""
        return self._under_way.about(request).client_msg_id

    def answered(self, request: int, status: int, body: bytes, now_s: float) -> MessageRow | None:
        """The route answered; returns the row to show on success (S2). Anything that is not the
        agreed shape is recorded as ``bad_answer`` and survived (S8)."""
        client_msg_id = self._under_way.about(request).client_msg_id
        row, event, detail = _read(body, client_msg_id)
        self._ends(request, event, now_s, status=status, row=row, detail=detail)
        if row is None or self._policy.spinner_ends == "realtime":
            return None  # before the plan, an answer is not looked at
        self.spinner_off(client_msg_id, "api", now_s)
        return row

    def failed(self, request: int, reason: str, now_s: float) -> None:
        """No answer: refused, reset, closed, offline."""
        self._ends(request, RequestEvent.FAIL, now_s, detail=reason)

    def timed_out(self, request: int, now_s: float) -> None:
        """S3: abort; the bubble stays, the spinner ends."""
        self._ends(request, RequestEvent.TIME_OUT, now_s)

    def spinner_off(self, client_msg_id: str, by: SpinnerEnd, now_s: float) -> None:
        """Record the end of a spinner that was on (S3, S4)."""
        if self._list.is_sending(client_msg_id):
            self._effects.sink.event(
                SpinnerOff(t_s=now_s, user=self._effects.user, client_msg_id=client_msg_id, by=by)
            )

    def _ends(
        self,
        request: int,
        event: RequestEvent,
        now_s: float,
        *,
        status: int | None = None,
        row: MessageRow | None = None,
        detail: str = "",
    ) -> None:
        client_msg_id, attempt = self._under_way.about(request)
        outcome = self._under_way.ends(request, event)
        self._effects.sink.event(
            SendEnded(
                t_s=now_s,
                user=self._effects.user,
                client_msg_id=client_msg_id,
                attempt=attempt,
                outcome=outcome,
                status=status,
                row_id=None if row is None else row.id,
                detail=detail,
            )
        )
        if outcome == "ok" or self._policy.spinner_ends == "realtime":
            return
        self.spinner_off(client_msg_id, "timeout" if outcome == "timeout" else "error", now_s)
        if self._list.fail_bubble(client_msg_id):
            self._effects.commands.append(ShowFailure(client_msg_id, attempt))


def _read(body: bytes, client_msg_id: str) -> tuple[MessageRow | None, RequestEvent, str]:
    """What an answer means for this message: its row where there is one, and what to note."""
    try:
        answer = _decode_answer(body)
    except UNREADABLE as error:
        return None, RequestEvent.MISREAD, str(error)[:200]
    if not answer.success:
        return None, RequestEvent.REFUSE, answer.error or ""
    if answer.message is None:
        return None, RequestEvent.MISREAD, "success without a message"
    if answer.message.client_msg_id != client_msg_id:
        return None, RequestEvent.MISREAD, "another message's row"
    return answer.message, RequestEvent.SUCCEED, ""
