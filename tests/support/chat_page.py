"""The chat page in a real tab, as a person uses it."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

from tests.support.chromium import Page

WITHIN_S = 20.0
"""After this something that should have come never will."""
_LINES = """[...document.querySelectorAll("#lines > li")].map((line) => ({
    state: line.dataset.state, id: line.dataset.id, key: line.dataset.clientMsgId,
    who: line.querySelector("b").textContent, body: line.querySelector(".body").textContent,
}))"""


class ChatPage:
    """One person's page in a tab; the tab may show another page later."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def open(self, api_url: str, user: str, room: int, **more: object) -> None:
        """Load the page and wait until rows flow, or until the test takes over: ``more`` goes
        into the address."""
        self.page.errors.clear()
        self.page.requests.clear()
        query = urlencode({"user": user, "room": room, "lang": "en", **more})
        self.page.open(f"{api_url}/?{query}")

    def open_live(self, api_url: str, user: str, room: int, **more: object) -> None:
        self.open(api_url, user, room, **more)
        self.wait_for(transport="live")

    def state(self) -> dict[str, str]:
        """What the page says of itself."""
        state: dict[str, str] = self.page.evaluate("({...document.getElementById('chat').dataset})")
        return state

    def lines(self) -> list[dict[str, str]]:
        lines: list[dict[str, str]] = self.page.evaluate(_LINES)
        return lines

    def bodies(self) -> list[str]:
        return [line["body"] for line in self.lines()]

    def wait(self, condition: str) -> Any:
        """Wait until a JavaScript expression is true, and give its value."""
        deadline_s = time.monotonic() + WITHIN_S
        while not (value := self.page.evaluate(condition)):
            if time.monotonic() > deadline_s:
                raise AssertionError(f"never: {condition}; {self.state()}; {self.lines()}")
            time.sleep(0.02)
        return value

    def wait_for(self, **state: str) -> None:
        """Wait until the page says this of itself."""
        wanted = json.dumps(state)
        self.wait(
            f"Object.entries({wanted}).every(([name, value]) =>"
            " document.getElementById('chat').dataset[name] === value)"
        )

    def wait_for_line(self, body: str, state: str = "sent") -> None:
        """Wait until one line, and no second, says this and is in this state."""
        self.wait(
            f"{_LINES}.filter((line) => line.body === {json.dumps(body)}).map((line) => line.state)"
            f".join() === {json.dumps(state)}"
        )

    def write(self, text: str) -> None:
        self.page.evaluate("document.getElementById('body').focus()")
        self.page.call("Input.insertText", text=text)

    def press_enter(self) -> None:
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        self.page.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
        self.page.call("Input.dispatchKeyEvent", type="keyUp", **key)

    def send(self, text: str) -> None:
        self.wait("!document.getElementById('send').hasAttribute('aria-disabled')")  # S6
        self.write(text)
        self.press_enter()

    def click(self, selector: str) -> None:
        """Click the first of these that can be seen, once there is one."""
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        self.wait(
            f"(seen => seen ? (seen.click(), true) : false)"
            f"({found}.find((element) => element.checkVisibility()))"
        )

    def hide(self, *, hidden: bool) -> None:
        """Headless tabs are always visible; the page is told otherwise."""
        state = "hidden" if hidden else "visible"
        self.page.evaluate(
            "Object.defineProperty(document, 'visibilityState',"
            f" {{value: '{state}', configurable: true}});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
