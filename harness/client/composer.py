"""Sending a message: rules S1 to S4, S6 and S8 as the person at the keyboard meets them."""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.client.effects import Effects
from harness.client.message_list import MessageList
from harness.client.policy import Policy
from harness.records import SendEnded, SendOutcome, SendSkipped, SendStarted, SpinnerOff
from harness.wire.api import CREATE_PATH, CreateAnswer, CreateRequest
from harness.wire.changes import MessageRow
from harness.wire.unreadable import UNREADABLE

_encode = msgspec.json.Encoder().encode
_decode_answer = msgspec.json.Decoder(CreateAnswer).decode

SpinnerEnd = Literal["api", "realtime", "poll", "timeout", "error"]


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
        self._under_way: dict[int, str] = {}
        """Requests without an answer yet, and whose bubble each is."""

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
        request = self._effects.request(
            "POST", CREATE_PATH, _encode(CreateRequest(self._webinar, client_msg_id, body))
        )
        self._under_way[request] = client_msg_id
        if self._policy.send_timeout:
            self._effects.wake_at(f"send:{request}", now_s + self._policy.ack_timeout_s)
        self._effects.sink.event(
            SendStarted(
                t_s=now_s,
                user=user,
                number=number,
                planned_s=planned_s,
                client_msg_id=client_msg_id,
                attempt=1,
            )
        )

    def owns(self, request: int) -> bool:
        return request in self._under_way

    def whose(self, request: int) -> str:
        """The ``client_msg_id`` that a request sends; empty for what is no send."""
        return self._under_way.get(request, "")

    def answered(self, request: int, status: int, body: bytes, now_s: float) -> MessageRow | None:
        """The route answered; returns the row to show on success (S2). Anything that is not the
        agreed shape is recorded as ``bad_answer`` and survived (S8)."""
        client_msg_id = self._finish(request)
        try:
            answer = _decode_answer(body)
        except UNREADABLE as error:
            self._failed(client_msg_id, "bad_answer", now_s, status, str(error)[:200])
            return None
        if not answer.success:
            self._failed(client_msg_id, "refused", now_s, status, answer.error or "")
            return None
        if answer.message is None:
            self._failed(client_msg_id, "bad_answer", now_s, status, "success without a message")
            return None
        if answer.message.client_msg_id != client_msg_id:
            self._failed(client_msg_id, "bad_answer", now_s, status, "another message's row")
            return None
        self._ended(client_msg_id, "ok", now_s, status, row_id=answer.message.id)
        if self._policy.spinner_ends == "realtime":
            return None  # as before the plan: the answer is not looked at
        self.spinner_off(client_msg_id, "api", now_s)
        return answer.message

    def failed(self, request: int, reason: str, now_s: float) -> None:
        """No answer: refused, reset, closed, offline."""
        self._failed(self._finish(request), "network", now_s, None, reason)

    def timed_out(self, request: int, now_s: float) -> None:
        """S3: abort; the bubble stays, the spinner ends."""
        self._effects.abort(request)
        self._failed(self._finish(request), "timeout", now_s, None, "")

    def spinner_off(self, client_msg_id: str, by: SpinnerEnd, now_s: float) -> None:
        """Record the end of a spinner that was on (S3, S4)."""
        if self._list.is_sending(client_msg_id):
            self._effects.sink.event(
                SpinnerOff(t_s=now_s, user=self._effects.user, client_msg_id=client_msg_id, by=by)
            )

    def _finish(self, request: int) -> str:
        self._effects.cancel(f"send:{request}")
        return self._under_way.pop(request)

    def _failed(
        self,
        client_msg_id: str,
        outcome: SendOutcome,
        now_s: float,
        status: int | None,
        detail: str,
    ) -> None:
        self._ended(client_msg_id, outcome, now_s, status, detail=detail)
        if self._policy.spinner_ends == "realtime":
            return
        self.spinner_off(client_msg_id, "timeout" if outcome == "timeout" else "error", now_s)
        self._list.fail_bubble(client_msg_id)

    def _ended(
        self,
        client_msg_id: str,
        outcome: SendOutcome,
        now_s: float,
        status: int | None,
        *,
        row_id: int | None = None,
        detail: str = "",
    ) -> None:
        self._effects.sink.event(
            SendEnded(
                t_s=now_s,
                user=self._effects.user,
                client_msg_id=client_msg_id,
                attempt=1,
                outcome=outcome,
                status=status,
                row_id=row_id,
                detail=detail,
            )
        )
