"""Hiding and deleting, as the moderator does it and the others see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.server.running import Server, running
from tests.support.chat_page import ChatPage

pytestmark = pytest.mark.e2e

HIDDEN = "Hidden by a moderator"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a replica identity by which DELETEs pass the room's filter."""
    database = tmp_path_factory.mktemp("server") / "chat.db"
    with running(database, "--page", "--knob", "replica_identity_full=true") as server:
        yield server


def test_a_hidden_message_disappears_for_the_others_and_comes_back(
    server: Server, alice: ChatPage, bob: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    bob.open_live(server.api_url, "mod", room, role="moderator")
    alice.send("buy my things")
    bob.wait_for_line("buy my things")

    bob.click("#lines .hide")
    alice.wait_for_line(HIDDEN)  # R5, over Realtime
    bob.wait_for_line(HIDDEN)
    bob.click("#lines .show")
    alice.wait_for_line("buy my things")


def test_a_deleted_message_is_gone_for_all(
    server: Server, alice: ChatPage, bob: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    bob.open_live(server.api_url, "mod", room, role="moderator")
    alice.send("a mistake")
    bob.wait_for_line("a mistake")

    bob.click("#lines .delete")
    bob.click("#lines .yes")
    for tab in (alice, bob):
        tab.wait("document.querySelectorAll('#lines > li').length === 0")
    assert bob.page.evaluate("document.activeElement.id") == "log"  # the keyboard is not lost
    assert alice.page.errors == bob.page.errors == []


def test_a_delete_asks_first_and_a_no_keeps_the_message(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "mod", room, role="moderator")
    alice.send("stays")
    alice.wait_for_line("stays")

    alice.click("#lines .delete")
    question = alice.page.evaluate("document.querySelector('#lines .confirm').innerText")
    assert "Delete for everyone?" in question
    focus = "document.activeElement.className"
    assert alice.page.evaluate(focus) == "no"  # what a second Enter by mistake would press
    alice.click("#lines .no")
    assert alice.page.evaluate(focus) == "delete"
    assert (
        alice.page.evaluate("document.querySelector('#lines .confirm').checkVisibility()") is False
    )
    assert alice.bodies() == ["stays"]
    assert [request for request in alice.page.requests if "/api/messages/" in request] == [
        f"{server.api_url}/api/messages/create"
    ]


def test_an_attendee_has_no_buttons(
    server: Server, alice: ChatPage, bob: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    bob.open_live(server.api_url, "bob", room)
    alice.send("mine")
    bob.wait_for_line("mine")
    for tab in (alice, bob):
        shown = (
            "[...document.querySelectorAll('#lines button')]"
            ".filter(one => one.checkVisibility()).length"
        )
        assert tab.page.evaluate(shown) == 0
