"""docs/client-states.md shows the state tables as they are."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import pytest

from harness.client.channel import CHANNEL_TABLE, Join
from harness.client.connection import SOCKET_TABLE, Socket
from harness.client.fallback import POLLING_TABLE, Polling
from harness.client.message_list import BUBBLE_TABLE, Bubble
from harness.client.request import REQUEST_TABLE, Request
from harness.client.token_refresh import AUTH_TABLE, Auth
from harness.drivers.person import PLACE_TABLE, Place
from tests.support.state_diagrams import Table, differences, read_diagrams

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "client-states.md").read_text()
TABLES: dict[str, tuple[Table, Enum]] = {
    "Composer": (REQUEST_TABLE, Request.UNDER_WAY),
    "Socket": (SOCKET_TABLE, Socket.IDLE),
    "Channel": (CHANNEL_TABLE, Join.CLOSED),
    "Session": (AUTH_TABLE, Auth.SIGNED_IN),
    "Fallback": (POLLING_TABLE, Polling.OFF),
    "Message list": (BUBBLE_TABLE, Bubble.SENDING),
    "Person": (PLACE_TABLE, Place.ELSEWHERE),
}


def socket_page(old: str, new: str) -> list[str]:
    """What is to do about the socket's diagram after this change of the page."""
    assert PAGE.count(old) == 1
    return differences(read_diagrams(PAGE.replace(old, new))["Socket"], *TABLES["Socket"])


def test_there_is_one_diagram_for_each_table() -> None:
    assert list(read_diagrams(PAGE)) == list(TABLES)


@pytest.mark.parametrize("section", TABLES)
def test_a_diagram_shows_its_table(section: str) -> None:
    todo = differences(read_diagrams(PAGE)[section], *TABLES[section])

    assert not todo, "\n".join((f"docs/client-states.md, section {section}:", *todo))


def test_every_rule_in_a_diagram_is_one_of_the_chats() -> None:
    known = set(re.findall(r"^\| ([SRFH]\d+) \|", (DOCS / "chat-rules.md").read_text(), re.M))
    named = {
        rule
        for diagram in read_diagrams(PAGE).values()
        for arrow in diagram.arrows
        for rule in arrow.rules
    }

    assert named <= known


@pytest.mark.parametrize(
    ("line", "instead", "todo"),
    [
        ("    OPEN --> CLOSING: GIVE_UP (R3)\n", "", "add: OPEN --> CLOSING: GIVE_UP (RULE)"),
        (
            "    PARKED --> CONNECTING: CONNECT (H10)\n",
            "    PARKED --> OPEN: CONNECT (H10)\n",
            "take out: PARKED --> OPEN: CONNECT (H10)",
        ),
        (
            "    EVERY --> IDLE: DISCONNECT (R2)\n",
            "    OPEN --> IDLE: DISCONNECT (R2)\n",
            "add: PARKED --> IDLE: DISCONNECT (RULE)",
        ),
        (
            "    EVERY --> IDLE: DISCONNECT (R2)\n",
            "    EVERY --> IDLE: DISCONNECT (R2)\n    OPEN --> IDLE: DISCONNECT (R2)\n",
            "drawn twice: OPEN --> IDLE: DISCONNECT (RULE)",
        ),
        ("    [*] --> IDLE\n", "    [*] --> OPEN\n", "it begins with one line: [*] --> IDLE"),
        (
            "    CONNECTING --> OPEN: OPENED (R3)\n",
            "    CONNECTING --> OPEN: OPENED\n",
            "not understood: CONNECTING --> OPEN: OPENED",
        ),
        ("- `PARKED`:", "- parked:", "add under States: - `PARKED`: a sentence"),
        ("- `PARK`:", "- `PARKS`:", "take out of Triggers: PARKS"),
    ],
)
def test_what_differs_is_told_as_what_to_write(line: str, instead: str, todo: str) -> None:
    assert todo in socket_page(line, instead)
