"""What the teller of a story keeps in mind from one record to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from reports.story.life import Life, Row, Told
from reports.story.line import Kind, Line, Tone
from reports.story.words import quoted, seconds, short


@dataclass(frozen=True)
class Sent:
    """A message that the user sent."""

    first_s: float
    body: str | None


@dataclass
class Memory:
    """Grows as the story goes on."""

    life: Life
    focus_rows: frozenset[int]
    focus_id: str
    """``client_msg_id`` of the message asked for; empty for none."""
    quick: frozenset[Told]
    """Beginnings that are told with their end."""
    ended: frozenset[tuple[str, int]]
    """Requests that ended, by message and attempt."""
    sent: dict[str, Sent] = field(default_factory=dict)
    """By ``client_msg_id``."""
    requests: dict[tuple[str, int], float] = field(default_factory=dict)
    """When each request began, by message and attempt."""
    gave_up: set[str] = field(default_factory=set)
    """Messages whose spinner ended without their row."""
    shown: set[int] = field(default_factory=set)
    """Rows on the screen."""
    page_s: float = 0.0
    sockets: dict[int, float] = field(default_factory=dict)
    """When each attempt began."""
    socket_open_s: float | None = None
    subscribed_s: float | None = None
    polls: dict[int, tuple[float, str]] = field(default_factory=dict)
    """When each poll began, and why."""
    fallback_s: float | None = None

    def open_page(self, t_s: float) -> None:
        """A new page shows nothing and has no socket yet."""
        self.page_s = t_s
        self.shown.clear()
        self.sockets.clear()
        self.polls.clear()
        self.socket_open_s = self.subscribed_s = self.fallback_s = None

    def has_bubble(self, client_msg_id: str) -> bool:
        """Whether the message was sent on the page that is open: with an earlier page its bubble
        is gone."""
        sent = self.sent.get(client_msg_id)
        return sent is not None and sent.first_s >= self.page_s

    def line(
        self,
        t_s: float,
        kind: Kind,
        text: str,
        tone: Tone = "plain",
        *,
        row_id: int | None = None,
        message: str = "",
    ) -> Line:
        """A line; ``row_id`` or ``message`` say what it is about."""
        focus = row_id in self.focus_rows or (message != "" and message == self.focus_id)
        return Line(at_s=t_s - self.life.zero_s, kind=kind, text=text, tone=tone, focus=focus)

    def own(self, row: Row | None) -> bool:
        """The user wrote it."""
        return row is not None and (
            row.author == self.life.user or (row.client_msg_id in self.sent)
        )

    def since_send(self, client_msg_id: str, t_s: float) -> str:
        """``, 0.57 s after the send``, or nothing where the send is not known."""
        sent = self.sent.get(client_msg_id)
        return f", {seconds(t_s - sent.first_s)} after the send" if sent else ""

    def named(self, client_msg_id: str) -> str:
        """``"hello" (message 3f2a9c1e)``."""
        sent = self.sent.get(client_msg_id)
        text = f"{quoted(sent.body)} " if sent and sent.body is not None else ""
        return f"{text}(message {short(client_msg_id)})"
