"""The chat page for people who read Korean, use no mouse, or have a small screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server.running import Server
from tests.support.chat_page import ChatPage

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("look", [("light", 1000), ("dark", 1000), ("light", 360), ("dark", 360)])
def test_axe_finds_nothing_to_mend(
    server: Server, alice: ChatPage, room: int, look: tuple[str, int], built: Path
) -> None:
    _emulate(alice, *look)
    alice.open_live(server.api_url, "alice", room, send_disabled_s=60)
    assert server.post("of somebody else", number=room, room=room).status_code == 200
    alice.wait_for_line("of somebody else")
    alice.send("of mine")
    alice.wait_for_line("of mine")
    alice.write("of mine, too soon")
    alice.press_enter()
    _assert_axe_finds_nothing(alice, built)


@pytest.mark.parametrize("look", [("light", 1000), ("dark", 360)])
def test_axe_finds_nothing_to_mend_in_a_question_or_a_refusal(
    server: Server, alice: ChatPage, room: int, look: tuple[str, int], built: Path
) -> None:
    _emulate(alice, *look)
    assert server.post("bad", number=room, room=room).status_code == 200
    alice.open(server.api_url, "mod", room, role="moderator", lifetime_s=2, renew=0)
    alice.click("#lines .delete")
    alice.wait_for(trouble="token")
    alice.send("of mine")
    alice.wait_for_line("of mine", state="failed")
    _assert_axe_finds_nothing(alice, built)


@pytest.mark.parametrize("window", [(320, 568), (568, 320), (500, 370)])
def test_a_small_window_scrolls_and_nothing_overlaps(
    server: Server, alice: ChatPage, room: int, window: tuple[int, int]
) -> None:
    """A phone upright and on its side, and a window of 1000 by 740 at 200 %."""
    _emulate(alice, "light", *window)
    alice.open_live(server.api_url, "alice", room)
    assert alice.page.evaluate("document.getElementById('details').open") is False
    alice.page.evaluate("document.getElementById('details').open = true")
    tops_and_bottoms = alice.page.evaluate(
        "['.connection', '.room', '#composer', '#hint', 'footer'].map((name) =>"
        " (({top, bottom}) => [top, bottom])(document.querySelector(name).getBoundingClientRect()))"
    )
    connection, room_box, composer, hint, footer = tops_and_bottoms
    assert connection[1] <= room_box[0]
    assert room_box[1] <= composer[0]
    assert hint[1] <= composer[1] <= footer[0]
    assert room_box[1] - room_box[0] >= 160
    alice.page.evaluate("scrollTo(0, 1e6)")
    bottom = "document.querySelector('footer').getBoundingClientRect().bottom"
    assert alice.page.evaluate(bottom) <= window[1]


def _assert_axe_finds_nothing(alice: ChatPage, built: Path) -> None:
    alice.page.evaluate((built / "axe-core" / "axe.min.js").read_text())
    alice.page.evaluate("axe.run().then((found) => { window.found = JSON.stringify(found) })")
    found = json.loads(alice.wait("window.found"))
    assert [_brief(one) for one in found["violations"]] == []
    assert len(found["passes"]) > 20


@pytest.mark.parametrize("language", ["en", "ko"])
def test_nothing_is_wider_than_a_small_screen(
    server: Server, alice: ChatPage, room: int, language: str
) -> None:
    _emulate(alice, "light", 360)
    alice.open_live(server.api_url, "longest-name-a", room, lang=language)
    alice.page.evaluate("document.getElementById('details').open = true")
    alice.send("https://example.test/" + "x" * 300)
    alice.wait("document.querySelectorAll('#lines > li').length")
    assert alice.page.evaluate("document.documentElement.scrollWidth") == 360
    over = "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)"
    assert alice.page.evaluate(f"{over}(document.getElementById('log'))") == 0


def test_the_language_changes_everywhere_and_a_reload_keeps_it(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    alice.send("hello")
    alice.wait_for_line("hello")
    alice.click("[value=ko]")

    text = alice.page.evaluate("document.body.innerText")
    assert "보내기" in text
    assert "실시간: 메시지가 WebSocket으로 옵니다." in text
    assert "alice (나)" in text
    assert alice.page.evaluate("document.documentElement.lang") == "ko"
    alice.page.open(alice.page.evaluate("location.href"))
    alice.wait("document.getElementById('send').textContent === '보내기'")


def test_both_languages_say_the_same_things(server: Server, alice: ChatPage, room: int) -> None:
    alice.open(server.api_url, "alice", room)
    alice.page.evaluate(
        "import('/page/texts.js').then(({ TEXTS }) => {"
        "  const paths = (value, path) => typeof value === 'object'"
        "    ? Object.entries(value).flatMap(([key, one]) => paths(one, `${path}.${key}`))"
        "    : [`${path} ${typeof value}`];"
        "  window.found = [paths(TEXTS.en, ''), paths(TEXTS.ko, '')];"
        "})"
    )
    english, korean = alice.wait("window.found")
    assert english == korean


def test_everything_can_be_reached_with_the_keyboard(
    server: Server, alice: ChatPage, room: int
) -> None:
    alice.open_live(server.api_url, "alice", room)
    reached = []
    for _ in range(8):
        alice.page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab",
                        windowsVirtualKeyCode=9)  # fmt: skip
        reached.append(alice.page.evaluate(
            "(({ id, value, tagName }) => id || value || tagName)(document.activeElement)"
        ))  # fmt: skip
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert alice.page.evaluate(outline) == "solid"
    assert reached == ["en", "ko", "SUMMARY", "log", "body", "send", "A", "A"]


def test_only_new_messages_are_read_out(server: Server, alice: ChatPage, room: int) -> None:
    """What was there, and what changes in a line, is not: the log is live from the history on,
    and a line is one element from bubble to row."""
    alice.open_live(server.api_url, "alice", room)
    alice.wait("document.getElementById('log').ariaLive === 'polite'")
    alice.page.evaluate(
        "window.added = 0; new MutationObserver((seen) => seen.forEach((one) =>"
        " one.addedNodes.forEach((node) => { added += node.nodeType === 1 })))"
        ".observe(document.getElementById('log'), {childList: true, subtree: true})"
    )
    alice.send("said once")
    alice.wait_for_line("said once")
    alice.wait_for(events="1")
    assert alice.page.evaluate("added") == 1


def _emulate(tab: ChatPage, scheme: str, width: int, height: int = 740) -> None:
    tab.page.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    tab.page.call("Emulation.setEmulatedMedia", features=features)


def _brief(violation: dict[str, Any]) -> tuple[str, list[str]]:
    return violation["id"], [node["html"] for node in violation["nodes"]]
