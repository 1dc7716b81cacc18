"""Lines about the user's own messages: clicked, sent, answered, given up."""

from __future__ import annotations

from collections.abc import Iterator

from harness.records import (
    Delivery,
    Fate,
    Path,
    RequestRepeated,
    SendEnded,
    SendSkipped,
    SendStarted,
    SpinnerOff,
)
from reports.story.line import Line, Tone
from reports.story.memory import Memory, Sent
from reports.story.moments import Moment
from reports.story.words import quoted, seconds, short, tamed

_LATE_CLICK_S = 0.1
_WHY_NOT = {
    "send_disabled": "the send button is still disabled",
    "page_not_open": "the page is not open",
    "offline": "the browser is offline",
    "load_ended": "the load had ended",
}
_WHY_FAILED = {
    "refused": "is refused",
    "bad_answer": "gets an answer that is not the agreed JSON",
    "network": "fails: the network gave no answer",
}


def skipped(memory: Memory, event: SendSkipped, _moment: Moment) -> Iterator[Line]:
    planned = memory.life.plan.get(event.number)
    what = quoted(planned.body) if planned else f"planned message {event.number}"
    why = _WHY_NOT.get(event.reason, tamed(event.reason))
    message = planned.client_msg_id if planned else ""
    about = f" (message {short(message)})" if message else ""
    yield memory.line(
        event.t_s, "send", f"✗ cannot send {what}{about}: {why}", "warning", message=message
    )


def started(memory: Memory, event: SendStarted, _moment: Moment) -> Iterator[Line]:
    key = event.client_msg_id
    planned = memory.life.plan.get(event.number)
    memory.sent.setdefault(key, Sent(event.t_s, planned.body if planned else None))
    memory.requests[key, event.attempt] = event.t_s
    memory.gave_up.discard(key)
    what = quoted(planned.body) if planned else f"planned message {event.number}"
    again = "sends" if event.attempt == 1 else 'presses "send again" on'
    behind_s = event.t_s - event.planned_s
    behind = ""
    if event.attempt == 1 and behind_s >= _LATE_CLICK_S:
        behind = f", {seconds(behind_s)} after its planned moment"
    text = f"{again} {what} (message {short(key)}, attempt {event.attempt}){behind}"
    unheard = (key, event.attempt) not in memory.ended
    if unheard:
        text += "; no answer or time-out ever ends it"
    yield memory.line(event.t_s, "send", text, "warning" if unheard else "plain", message=key)


def ended(memory: Memory, event: SendEnded, moment: Moment) -> Iterator[Line]:
    key = event.client_msg_id
    off = moment.take(SpinnerOff, lambda other: other.client_msg_id == key)
    begun_s = memory.requests.get((key, event.attempt))
    took = f" after {seconds(event.t_s - begun_s)}" if begun_s is not None else ""
    if event.outcome == "ok":
        yield from _answered(memory, event, moment, spinner_ended=bool(off))
        return
    spinner = "; the spinner ends and the bubble stays" if off else ""
    if off:
        memory.gave_up.add(key)
    status = f", HTTP {event.status}" if event.status is not None else ""
    detail = f" ({tamed(event.detail)})" if event.detail else ""
    if event.outcome == "timeout":
        how = f"no answer{took}: the client gives up on"
        text = f"✗ {how} attempt {event.attempt} of message {short(key)}{detail}{spinner}"
    else:
        how = _WHY_FAILED.get(event.outcome, f"ends as {tamed(event.outcome)}")
        which = f"attempt {event.attempt} of message {short(key)}"
        text = f"✗ {which} {how}{took}{status}{detail}{spinner}"
    yield memory.line(event.t_s, "send", text, "bad", message=key)


def _answered(
    memory: Memory, event: SendEnded, moment: Moment, *, spinner_ended: bool
) -> Iterator[Line]:
    """The answer, and what its row did to the screen in the same moment."""
    key, row_id = event.client_msg_id, event.row_id
    came = moment.take(Delivery, lambda d: d.path == Path.API and d.row_id == row_id)
    row = f"row {row_id}" if row_id is not None else "no row"
    after = memory.since_send(key, event.t_s)
    text = f"✓ {row} by the answer{after} (message {short(key)})"
    if memory.life.rows and row_id not in memory.life.rows:
        text = f"✗ {text.removeprefix('✓ ')}, but it is not in the commit log"
        yield memory.line(event.t_s, "send", text, "bad", row_id=row_id, message=key)
        return
    there = any(d.fate == Fate.SUPPRESSED for d in came)
    if there:
        text = f"✓ the answer comes{after}: {row}, already on the screen (message {short(key)})"
    elif not spinner_ended and key in memory.gave_up:
        text += ", after the client had given up"
    memory.shown.update(d.row_id for d in came)
    memory.gave_up.discard(key)
    tone: Tone = "quiet" if there else "good"
    yield memory.line(event.t_s, "send", text, tone, row_id=row_id, message=key)


def repeated(memory: Memory, event: RequestRepeated, _moment: Moment) -> Iterator[Line]:
    """H7."""
    key = event.client_msg_id
    what = f"the request of message {short(key)}" if key else "a read"
    text = f"the browser repeats {what} by itself: its connection broke before the answer"
    yield memory.line(event.t_s, "send", text, "warning" if key else "quiet", message=key)


def spinner_off(memory: Memory, event: SpinnerOff, _moment: Moment) -> Iterator[Line]:
    """Only where no send or row in the same moment told of it."""
    key = event.client_msg_id
    if event.by in ("timeout", "error"):
        memory.gave_up.add(key)
    text = f"the spinner of message {short(key)} ends, by {tamed(event.by)}"
    text += memory.since_send(key, event.t_s)
    yield memory.line(event.t_s, "send", text, message=key)
