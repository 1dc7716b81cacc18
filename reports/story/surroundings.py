"""Lines about the page, the browser, the socket, the channel and the fallback."""

from __future__ import annotations

from collections.abc import Iterator

from harness.records import (
    ChannelChanged,
    FallbackOff,
    FallbackOn,
    Finding,
    ModerationEnded,
    ModerationStarted,
    OnlineChanged,
    PageClosed,
    PageOpened,
    PersonActed,
    SocketClosed,
    SocketOpened,
    SocketOpening,
    VisibilityChanged,
)
from reports.story.line import Line, Tone
from reports.story.memory import Memory
from reports.story.moments import Moment
from reports.story.words import listed, seconds, short, tamed

_CHANNEL: dict[str, tuple[str, Tone]] = {
    "joining": ("joins the channel of the room", "plain"),
    "subscribed": ("the channel is subscribed; rows do not flow yet", "plain"),
    "live": ("✓ the channel is live: rows flow", "good"),
    "errored": ("✗ the channel errors", "bad"),
    "timed_out": ("✗ the join of the channel times out", "bad"),
    "closed": ("the channel is closed", "warning"),
}
_WHY_FALLBACK = {
    "socket_failures": "too many socket attempts failed",
    "silence": "Realtime was silent for too long",
}


def page_opened(memory: Memory, event: PageOpened, _moment: Moment) -> Iterator[Line]:
    memory.open_page(event.t_s)
    yield memory.line(event.t_s, "page", f"opens the chat page of room {event.room}")


_ENDS: dict[str, tuple[str, Tone]] = {
    "closed": ("closes the page", "plain"),
    "navigated": ("the browser does not keep the page", "warning"),
    "evicted": ("the browser has kept the page for too long and threw it away", "warning"),
    "discarded": ("the browser discards the hidden tab: its page is gone", "warning"),
}


def page_closed(memory: Memory, event: PageClosed, _moment: Moment) -> Iterator[Line]:
    text, tone = _ENDS[event.end]
    yield memory.line(event.t_s, "page", text, tone)
    for left, how in ((event.pending, 'still says "sending…"'), (event.failed, "shown as failed")):
        if left:
            names = listed([short(key) for key in left], 4)
            text = f"✗ left on the screen, {how}: message {names}"
            yield memory.line(event.t_s, "page", text, "bad", message=_focus(memory, left))


def _focus(memory: Memory, ids: tuple[str, ...]) -> str:
    return memory.focus_id if memory.focus_id in ids else ""


def visibility(memory: Memory, event: VisibilityChanged, _moment: Moment) -> Iterator[Line]:
    text = "comes back to the tab" if event.visible else "hides the tab"
    yield memory.line(event.t_s, "person", text)


def online(memory: Memory, event: OnlineChanged, _moment: Moment) -> Iterator[Line]:
    if event.online:
        yield memory.line(event.t_s, "person", "the browser says: online again")
    else:
        yield memory.line(event.t_s, "person", "✗ the browser says: offline", "warning")


def acted(memory: Memory, event: PersonActed, here: Moment) -> Iterator[Line]:
    """What the page notices of an act is told by records of its own; of a closed lid it notices
    less than happens, and of another page in its tab it hears what it does of another tab."""
    if event.act == "close_lid":
        yield memory.line(event.t_s, "person", "closes the laptop: it sleeps", "warning")
    elif event.act == "open_lid":
        yield memory.line(event.t_s, "person", "opens the laptop")
    elif event.act == "switch_network":
        text = "is on another network: what was open over the old one is dead, and nobody says so"
        yield memory.line(event.t_s, "person", text, "warning")
    elif event.act == "freeze":
        text = "the browser freezes the hidden tab: nothing of its page runs"
        yield memory.line(event.t_s, "page", text, "warning")
    elif event.act == "navigate_away":
        kept = here.take(VisibilityChanged, lambda change: not change.visible)
        how = ", and the browser keeps this one, frozen" if kept else ""
        yield memory.line(event.t_s, "person", f"goes to another page{how}", "warning")
    elif event.act == "navigate_back":
        here.take(VisibilityChanged, lambda change: change.visible)
        yield memory.line(event.t_s, "person", "comes back to the page")


def moderates(memory: Memory, event: ModerationStarted, _moment: Moment) -> Iterator[Line]:
    what = "deletes" if event.act == "delete_message" else "hides"
    yield memory.line(
        event.t_s, "person", f"{what} message row {event.row_id}", row_id=event.row_id
    )


def moderated(memory: Memory, event: ModerationEnded, _moment: Moment) -> Iterator[Line]:
    """A success shows on the line itself."""
    if event.outcome != "ok":
        text = f"✗ row {event.row_id} stays as it is: {event.outcome.replace('_', ' ')}"
        yield memory.line(event.t_s, "person", text, "bad", row_id=event.row_id)


def socket_opening(memory: Memory, event: SocketOpening, _moment: Moment) -> Iterator[Line]:
    memory.sockets[event.attempt] = event.t_s
    if event not in memory.quick:
        yield memory.line(event.t_s, "socket", f"tries the WebSocket (attempt {event.attempt})")


def socket_opened(memory: Memory, event: SocketOpened, here: Moment) -> Iterator[Line]:
    memory.socket_open_s = event.t_s
    joins = here.take(ChannelChanged, lambda change: change.status == "joining")
    also = ", joins the channel" if joins else ""
    text = f"WebSocket open (attempt {event.attempt}){_took(memory, event)}{also}"
    yield memory.line(event.t_s, "socket", text)


def socket_closed(memory: Memory, event: SocketClosed, here: Moment) -> Iterator[Line]:
    said = f"code {event.code}" + (f", {tamed(event.reason)}" if event.reason else "")
    errs = here.take(ChannelChanged, lambda change: change.status == "errored")
    also = "; the channel errors" if errs else ""
    if event.was_open:
        open_s, memory.socket_open_s = memory.socket_open_s, None
        lived = f" after {seconds(event.t_s - open_s)}" if open_s is not None else ""
        text = f"✗ the WebSocket closes{lived} ({said}){also}"
    else:
        text = f"✗ WebSocket attempt {event.attempt} fails{_took(memory, event)} ({said}){also}"
    clean = event.was_open and event.code == 1000
    yield memory.line(event.t_s, "socket", text.removeprefix("✗ ") if clean else text,
                      "plain" if clean else "bad")  # fmt: skip


def _took(memory: Memory, event: SocketOpened | SocketClosed) -> str:
    begun_s = memory.sockets.get(event.attempt)
    return f" after {seconds(event.t_s - begun_s)}" if begun_s is not None else ""


def channel(memory: Memory, event: ChannelChanged, _moment: Moment) -> Iterator[Line]:
    since_s = memory.subscribed_s
    # Only the join that is going on counts: a channel that went away must join again.
    memory.subscribed_s = event.t_s if event.status == "subscribed" else None
    if event in memory.quick:
        return
    text, tone = _CHANNEL.get(event.status, (f"the channel is {tamed(event.status)}", "plain"))
    if event.status == "live" and since_s is not None:
        text += f", {seconds(event.t_s - since_s)} after SUBSCRIBED"
    if event.reason:
        text += f" ({tamed(event.reason)})"
    yield memory.line(event.t_s, "channel", text, tone)


def fallback_on(memory: Memory, event: FallbackOn, _moment: Moment) -> Iterator[Line]:
    memory.fallback_s = event.t_s
    why = _WHY_FALLBACK.get(event.reason, tamed(event.reason))
    yield memory.line(
        event.t_s, "fallback", f"▼ fallback on: polling begins because {why}", "warning"
    )


def fallback_off(memory: Memory, event: FallbackOff, _moment: Moment) -> Iterator[Line]:
    since_s, memory.fallback_s = memory.fallback_s, None
    lasted = f" after {seconds(event.t_s - since_s)}" if since_s is not None else ""
    text = f"▲ fallback off{lasted}: Realtime brought an event"
    yield memory.line(event.t_s, "fallback", text, "good")


def finding(memory: Memory, event: Finding, _moment: Moment) -> Iterator[Line]:
    detail = f": {tamed(event.detail)}" if event.detail else ""
    text = f"✗ the server sent what it should not, {tamed(event.what)}{detail}"
    yield memory.line(event.t_s, "finding", text, "bad")
