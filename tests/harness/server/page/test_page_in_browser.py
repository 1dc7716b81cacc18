"""The chat page in real Chromium against a real server: the plan's rules, as a tester sees them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.install import ToxiproxySettings, find_toxiproxy
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import start_toxiproxy
from tests.harness.server.running import Server
from tests.support.chat_page import ChatPage

pytestmark = pytest.mark.e2e


@pytest.fixture
def plant(server: Server) -> Iterator[Callable[..., None]]:
    """Plant defects in the running server; none are left at the end."""

    def turn(*defects: str) -> None:
        answer = httpx.patch(
            f"{server.admin_url}/switches", json={"defects": defects}, trust_env=False
        )
        answer.raise_for_status()

    yield turn
    turn()


def test_two_people_chat_without_an_error_or_a_request_to_elsewhere(
    server: Server, alice: ChatPage, bob: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    bob.open_live(server.api_url, "bob", room)

    alice.send("안녕하세요, can you see this?")
    bob.wait_for_line("안녕하세요, can you see this?")
    bob.send("Yes.")
    alice.wait_for_line("Yes.")
    alice.wait_for_line("안녕하세요, can you see this?")

    assert [line["who"] for line in alice.lines()] == ["alice (you)", "bob"]
    assert [line["who"] for line in bob.lines()] == ["alice", "bob (you)"]
    for tab in (alice, bob):
        tab.wait_for(transport="live", polling="off", events="2", polls="0")
        assert tab.page.errors == []
        assert [url for url in tab.page.requests if not url.startswith(server.api_url)] == []


def test_a_message_is_shown_as_sending_before_the_server_has_answered(
    server: Server, alice: ChatPage, room: int, plant: Callable[..., None]
) -> None:
    plant("hang-create")
    alice.open_live(server.api_url, "alice", room, ack_timeout_s=2)

    alice.send("hello?")
    alice.wait_for_line("hello?", state="sending")  # S1

    # S3: the spinner ends, the bubble stays, and the person is told.
    alice.wait_for_line("hello?", state="failed")
    assert "no answer in time" in alice.page.evaluate("document.getElementById('alert').innerText")

    # The same message goes again under the same client_msg_id.
    key = alice.lines()[0]["key"]
    plant()
    alice.click("#lines .retry")
    alice.wait_for_line("hello?", state="sent")
    assert [line["key"] for line in alice.lines()] == [key]
    commits = [one for one in server.admin("/commits") if one["webinar_id"] == room]
    assert [one["client_msg_id"] for one in commits] == [key]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, "<!doctype html><title>502 Bad Gateway</title>"),
        (200, ""),
        (200, "null"),
        (200, '{"ok": true}'),
        (200, '{"success": true}'),
        (200, '{"success": true, "message": {"id": 1, "client_msg_id": "of another"}}'),
    ],
)
def test_an_answer_that_makes_no_sense_is_survived(
    server: Server, alice: ChatPage, room: int, status: int, body: str
) -> None:
    alice.open_live(server.api_url, "alice", room)
    answer = f"Promise.resolve(new Response({json.dumps(body)}, {{status: {status}}}))"
    _answer_sends_with(alice, answer)
    alice.send("S8")
    alice.wait_for_line("S8", state="failed")
    assert "not sent: the answer makes no sense" in alice.page.evaluate("document.body.innerText")
    assert alice.page.errors == []


def test_a_row_that_comes_late_replaces_the_bubble_of_a_failed_send(
    server: Server, alice: ChatPage, bob: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    bob.open_live(server.api_url, "bob", room)
    # The request arrives in the end, but its answer was lost long before.
    _answer_sends_with(
        alice,
        "(setTimeout(() => real(path, {...options, signal: null}), 500),"
        " Promise.reject(new TypeError()))",
    )
    alice.send("late")
    alice.wait_for_line("late", state="failed")  # S3
    alice.wait_for_line("late", state="sent")  # S4, R4
    bob.wait_for_line("late")


def test_an_enter_that_ends_a_composition_sends_nothing(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    alice.write("한글")
    for marks in ("isComposing: true", "keyCode: 229"):
        alice.page.evaluate(
            "document.getElementById('body').dispatchEvent(new KeyboardEvent('keydown',"
            f" {{key: 'Enter', bubbles: true, cancelable: true, {marks}}}))"
        )
    assert alice.lines() == []
    alice.press_enter()
    alice.wait_for_line("한글")


def test_shift_and_enter_start_a_new_line(server: Server, alice: ChatPage, room: int) -> None:
    alice.open_live(server.api_url, "alice", room)
    alice.write("one")
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "modifiers": 8}
    alice.page.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
    alice.page.call("Input.dispatchKeyEvent", type="keyUp", **key)
    alice.write("two")
    alice.press_enter()
    alice.wait_for_line("one\ntwo")


def test_send_is_disabled_for_a_while_after_a_send(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room, send_disabled_s=60)
    alice.send("once")
    assert alice.page.evaluate("document.getElementById('send').ariaDisabled") == "true"
    alice.write("twice")
    alice.press_enter()
    alice.click("#send")
    alice.wait_for_line("once")
    assert alice.bodies() == ["once"]
    assert alice.page.evaluate("document.getElementById('body').value") == "twice"
    assert "too soon" in alice.page.evaluate("document.getElementById('too-soon').innerText")


def test_the_list_stays_at_its_end_when_its_last_message_grows(
    server: Server, alice: ChatPage, room: int, plant: Callable[..., None]
) -> None:
    for number in range(20):
        assert server.post(f"number {number}", number=number, room=room).status_code == 200
    alice.open_live(server.api_url, "alice", room, ack_timeout_s=0.5)
    plant("hang-create")
    alice.send("hung")
    alice.wait_for_line("hung", state="failed")
    below = "(box => box.scrollHeight - box.scrollTop - box.clientHeight)"
    alice.wait(f"{below}(document.getElementById('log')) <= 1")


def test_a_reader_of_older_messages_is_left_there(
    server: Server, alice: ChatPage, bob: ChatPage, room: int
) -> None:
    for number in range(20):
        assert server.post(f"number {number}", number=number, room=room).status_code == 200
    alice.open_live(server.api_url, "alice", room)
    alice.wait("document.getElementById('log').scrollTop > 100")
    alice.page.evaluate("document.getElementById('log').scrollTop = 0")
    _wait_for_frames(alice)
    assert server.post("one more", number=20, room=room).status_code == 200
    alice.wait_for_line("one more")
    _wait_for_frames(alice)
    assert alice.page.evaluate("document.getElementById('log').scrollTop") == 0


def test_the_history_is_there_when_the_page_opens(
    server: Server, alice: ChatPage, room: int
) -> None:
    assert server.post("from before", number=room, room=room).status_code == 200
    alice.open(server.api_url, "alice", room)
    alice.wait_for_line("from before")
    # An id that no page has made up shows as its beginning.
    assert alice.lines()[0]["who"] == "11111111"


def test_a_quiet_room_polls_until_the_first_event(
    server: Server, alice: ChatPage, bob: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room, fallback_after_silence_s=1)
    bob.open_live(server.api_url, "bob", room)
    alice.wait_for(polling="on", pollingReason="silence")  # F1, H3
    bob.send("still there")
    alice.wait_for(polling="off", pollingReason="")  # F2
    alice.wait_for_line("still there")


def test_rows_that_come_again_after_a_mute_time_prove_nothing_of_those_before_them(
    server: Server, alice: ChatPage, bob: ChatPage, room: int, plant: Callable[..., None]
) -> None:
    catch_up = {"poll_on_release": 1, "cursor": "confirmed", "poll_period_s": 5}
    alice.open_live(server.api_url, "alice", room, fallback_after_silence_s=1, **catch_up)
    bob.open_live(server.api_url, "bob", room, send_disabled_s=0)
    plant("mute")
    bob.send("by a poll")
    alice.wait_for(polling="on", pollingReason="silence")
    alice.wait_for_line("by a poll")

    bob.send("thrown away")  # H4: Realtime does not bring it, and the next poll is seconds away
    bob.wait_for_line("thrown away")
    plant()
    bob.send("live again")

    alice.wait_for_line("live again")
    alice.wait_for_line("thrown away")


def test_a_hidden_page_does_not_poll_and_polls_at_once_when_it_is_shown(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room, fallback_after_silence_s=0.5, poll_period_s=600)
    alice.wait_for(polling="on", polls="1")
    alice.hide(hidden=True)
    alice.wait_for(polling="paused", polls="1")
    alice.hide(hidden=False)
    alice.wait_for(polling="on", polls="2")  # long before the period is over


def test_leaving_the_page_leaves_the_channel(server: Server, alice: ChatPage, room: int) -> None:
    alice.open_live(server.api_url, "alice", room)
    alice.page.open("about:blank")
    deadline_s = time.monotonic() + 10
    while "left" not in (told := _subscriptions(server, room)):
        assert time.monotonic() < deadline_s, told
        time.sleep(0.05)
    assert told[-1] == "left"  # and not "lost"


def test_a_renewed_token_keeps_the_channel_alive(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room, lifetime_s=3)
    sessions = "performance.getEntriesByType('resource').filter(e => e.name.includes('session'))"
    alice.wait(f"{sessions}.length >= 4")  # R1: the first token has ended long ago
    assert "closed" not in _subscriptions(server, room)
    alice.send("alive")
    alice.wait_for_line("alive")


def test_a_channel_that_the_server_ended_is_created_anew(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open(server.api_url, "alice", room, lifetime_s=2, renew=0, recreate_delay_s=0.5)
    alice.wait_for(transport="closed")  # H9
    alice.wait_for(transport="errored", trouble="token")  # R3: joined anew, and refused
    assert "refuses your token. Reload the page" in _headline(alice)
    assert _subscriptions(server, room)[-1] == "closed"


def test_a_refused_send_says_that_the_token_is_refused(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open(server.api_url, "alice", room, lifetime_s=1, renew=0)
    alice.wait_for(trouble="token")  # Realtime says it first
    alice.send("too late")
    alice.wait_for_line("too late", state="failed")
    alice.wait(
        "document.getElementById('summary').textContent =="
        " 'The server refuses your token. Reload the page to try a new one.'"
    )


def test_a_token_that_realtime_takes_again_is_no_trouble(
    server: Server, alice: ChatPage, room: int, plant: Callable[..., None]
) -> None:
    plant("token-never-accepted")
    alice.open(server.api_url, "alice", room, fallback_after_silence_s=0.1)
    alice.wait_for(trouble="token", polling="on")
    alice.wait("document.getElementById('summary').textContent.includes('Until then')")
    assert _headline(alice) == (
        "The WebSocket refuses your token. Reload the page to try a new one."
        " Until then the page asks the server every 3 s."
    )
    plant()
    alice.wait_for(transport="live", trouble="")


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        (401, "The server refuses your token. Reload the page to try a new one."),
        (403, "Your token does not open this room. Reload the page to try a new one."),
        (
            500,
            "Connected, but quiet, and asking the server every 0.1 s fails: the server refused it.",
        ),
    ],
)
def test_polls_that_fail_are_in_the_headline_until_one_succeeds(
    server: Server, alice: ChatPage, room: int, status: int, headline: str
) -> None:
    policy = {"fallback_after_silence_s": 0.5, "poll_period_s": 0.1, "poll_jitter_s": 0}
    alice.open_live(server.api_url, "alice", room, **policy)
    refusal = f"new Response(JSON.stringify({{success: false}}), {{status: {status}}})"
    alice.page.evaluate(f"window.real = fetch; window.fetch = () => Promise.resolve({refusal}); 0")
    alice.wait(f"document.getElementById('summary').textContent === {json.dumps(headline)}")
    assert alice.state()["trouble"] == ("polls" if status == 500 else "token")
    alice.page.evaluate("window.fetch = window.real; 0")
    alice.wait_for(trouble="")


def test_a_blocked_websocket_is_replaced_by_polling_until_it_is_back(
    server: Server, alice: ChatPage, bob: ChatPage, room: int, tmp_path: Path
) -> None:
    found = find_toxiproxy(ToxiproxySettings(), print).path
    assert found is not None
    with asyncio.Runner() as runner:
        toxiproxy = runner.run(start_toxiproxy(found, tmp_path / "toxiproxy.log"))
        toxics = ToxiproxyClient(toxiproxy.url)
        try:
            upstream = f"127.0.0.1:{server.realtime_port}"
            proxy = runner.run(
                toxics.create(Proxy(name="ws", listen="127.0.0.1:0", upstream=upstream))
            )
            bob.open_live(server.api_url, "bob", room)
            alice.open_live(server.api_url, "alice", room, realtime=f"http://{proxy.listen}")

            runner.run(toxics.set_enabled("ws", False))
            alice.wait_for(transport="errored", polling="off")
            alice.wait_for(polling="on", pollingReason="socket_failures", failures="3")
            bob.send("over the poll")
            alice.wait_for_line("over the poll")
            alice.send("and back")
            bob.wait_for_line("and back")
            alice.wait_for_line("and back")

            runner.run(toxics.set_enabled("ws", True))
            alice.wait_for(transport="live", failures="0", polling="on")  # F2: no event yet
            bob.send("over the socket")
            alice.wait_for(polling="off")
            alice.wait_for_line("over the socket")
        finally:
            runner.run(toxics.aclose())
            runner.run(toxiproxy.stop())


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"room": "abc"}, "room=abc: must be a whole number from 1 to 9223372036854775807"),
        ({"room": 2**63}, "room=9223372036854775808: must be a whole number"),
        ({"user": "much-too-long-a-name"}, "user=much-too-long-a-name: must be a name of 1 to 14"),
        ({"user": "가나다라마"}, "user=가나다라마: must be a name of 1 to 14"),
        ({"role": "king"}, "role=king: must be attendee, moderator or presenter"),
        ({"lifetime_s": "1.5"}, "lifetime_s=1.5: must be a whole number from 1 to 86400"),
        ({"renew": "no"}, "renew=no: must be 1 or 0"),
        ({"lang": "fr"}, "lang=fr: must be en or ko"),
        ({"curser": "confirmed"}, "curser: the page knows no such name; it knows user, room,"),
        ({"poll_limit": "0"}, "poll_limit=0: must be a whole number, 1 or more"),
        ({"cursor": "no"}, "cursor=no: must be last_seen or confirmed"),
        ({"poll_period_s": "-1"}, "poll_period_s=-1: must be a number, 0 or more"),
        ({"realtime": "nonsense"}, "realtime=nonsense: must be like http://127.0.0.1:4000"),
    ],
)
def test_what_is_wrong_with_the_address_is_said_on_the_page(
    server: Server, alice: ChatPage, asked: dict[str, Any], words: str
) -> None:
    alice.open(server.api_url, **{"user": "alice", "room": 1, **asked})
    alice.wait("document.body.classList.contains('failed')")
    assert words in alice.page.evaluate("document.body.innerText")
    assert alice.page.errors == []


def test_what_is_wrong_is_said_in_the_page_s_language(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open(server.api_url, "가나다라마", room, lang="ko")
    alice.wait("document.body.classList.contains('failed')")
    assert "한글 4자까지" in _headline(alice)

    alice.page.evaluate("document.querySelector('.languages [lang=en]').click()")

    assert "must be a name of 1 to 14 letters" in _headline(alice)


def test_an_empty_list_says_whether_anybody_knows_that_it_is_empty(
    server: Server, alice: ChatPage, room: int, plant: Callable[..., None]
) -> None:
    alice.open_live(server.api_url, "alice", room)
    alice.wait("document.getElementById('none').textContent === 'No messages yet.'")

    plant("hang-poll")
    alice.open(server.api_url, "alice", room, poll_timeout_s=1)
    alice.wait("document.getElementById('none')?.textContent.startsWith('Reading')")
    alice.wait("document.getElementById('none').dataset.history === 'failed'")

    assert "could not be read" in alice.page.evaluate("document.getElementById('none').textContent")


def _answer_sends_with(tab: ChatPage, answer: str) -> None:
    """Let the page's sends have this answer, a JavaScript expression."""
    tab.page.evaluate(
        "window.real = fetch; window.fetch = (path, options) => path === '/api/messages/create'"
        f" ? {answer} : real(path, options); 0"
    )


def _headline(tab: ChatPage) -> str:
    text: str = tab.page.evaluate("document.getElementById('summary').textContent")
    return text


def _wait_for_frames(tab: ChatPage) -> None:
    """Until the browser has drawn, and told of scrolling and of sizes."""
    tab.page.evaluate(
        "window.drawn = false;"
        "requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true })); 0"
    )
    tab.wait("window.drawn")


def _subscriptions(server: Server, room: int) -> list[str]:
    return [one["what"] for one in server.admin("/subscriptions") if one["webinar_id"] == room]
