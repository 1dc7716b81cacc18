"""Lines about the user's access token (H9)."""

from __future__ import annotations

from collections.abc import Iterator

from harness.records import SignedOut, TokenRefreshed, TokenRefreshFailed
from reports.story.line import Line
from reports.story.memory import Memory
from reports.story.moments import Moment
from reports.story.words import seconds, tamed


def refreshed(memory: Memory, event: TokenRefreshed, _moment: Moment) -> Iterator[Line]:
    text = f"has a new access token, good for {seconds(event.lasts_s)}"
    yield memory.line(event.t_s, "token", text)


def refresh_failed(memory: Memory, event: TokenRefreshFailed, _moment: Moment) -> Iterator[Line]:
    then = "tries again" if event.again else "gives up for a minute"
    text = f"✗ the access token could not be renewed ({tamed(event.reason)}); {then}"
    yield memory.line(event.t_s, "token", text, "warning" if event.again else "bad")


def signed_out(memory: Memory, event: SignedOut, _moment: Moment) -> Iterator[Line]:
    text = "✗ is signed out: the access token has ended and will not be renewed"
    yield memory.line(event.t_s, "token", text, "bad")
