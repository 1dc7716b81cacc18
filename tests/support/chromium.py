"""A real headless Chromium, driven over its DevTools protocol, for the tests of pages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_LISTENING = re.compile(r"DevTools listening on (ws://\S+)")
_SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0", "--hide-scrollbars",
)  # fmt: skip


def find_chromium() -> str | None:
    """The program's path, or ``None`` where no Chromium is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class Page:
    """One tab. Collects console errors and the address of every request."""

    def __init__(self, connection: ClientConnection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._last_id = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser for something and wait for its answer; events are noted meanwhile."""
        self._last_id += 1
        wanted = self._last_id
        message = {"id": wanted, "method": method, "params": params, "sessionId": self._session}
        self._connection.send(json.dumps(message))
        while True:
            answer = self._receive()
            if answer.get("id") == wanted:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, address: str) -> None:
        """Load a page and wait until it is there."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self._loaded = False
        self.call("Page.navigate", url=address)
        while not self._loaded:
            self._receive()

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def _receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._connection.recv(timeout=30))
        method, params = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])
        return message


@contextmanager
def chromium_page(program: str, profile: Path) -> Iterator[Page]:
    """A tab of a Chromium of its own, which is gone afterwards. ``profile``: an empty directory."""
    browser = subprocess.Popen(
        [program, *_SWITCHES, f"--user-data-dir={profile}", "about:blank"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert browser.stderr is not None
        address = next(filter(None, map(_LISTENING.search, browser.stderr)))[1]
        # An unread pipe would stop the browser once it is full.
        reader = threading.Thread(target=browser.stderr.read, daemon=True)
        reader.start()
        with connect(address, max_size=None, proxy=None) as connection:
            yield Page(connection, _attach(connection))
            connection.send(json.dumps({"id": 0, "method": "Browser.close"}))
        browser.wait(timeout=20)
        reader.join(timeout=20)
    finally:
        if browser.poll() is None:
            browser.kill()
            browser.wait()
        if browser.stderr is not None:
            browser.stderr.close()


def _attach(connection: ClientConnection) -> str:
    def ask(number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
        connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer: dict[str, Any] = json.loads(connection.recv(timeout=30))
            if answer.get("id") == number:
                result: dict[str, Any] = answer["result"]
                return result

    target = ask(-1, "Target.createTarget", {"url": "about:blank"})["targetId"]
    attached = ask(-2, "Target.attachToTarget", {"targetId": target, "flatten": True})
    return str(attached["sessionId"])
