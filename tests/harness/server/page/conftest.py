"""One server with the page, and two people's browsers, for all tests of this folder."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.server.running import Server, running
from tests.support.chat_page import ChatPage
from tests.support.chromium import chromium_page, find_chromium
from tests.support.required import skip_or_fail

PACKAGE = Path(__file__).parents[4] / "page"
"""Where the page's vendor code is built."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``node_modules`` as the lock file has it."""
    npm = shutil.which("npm")
    if npm is None:
        skip_or_fail("no npm on PATH")
    copy = tmp_path_factory.mktemp("page")
    for name in ("package.json", "package-lock.json", ".npmrc", "build.mjs"):
        shutil.copy(PACKAGE / name, copy)
    subprocess.run([npm, "ci", "--ignore-scripts"], cwd=copy, check=True, timeout=300,
                   capture_output=True)  # fmt: skip
    return copy / "node_modules"


@pytest.fixture(scope="session")
def _rooms() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def room(_rooms: Iterator[int]) -> int:
    """A room that no other test has been in."""
    return next(_rooms)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "chat.db", "--page") as server:
        yield server


@pytest.fixture(scope="session")
def _browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ChatPage, ChatPage]]:
    program = find_chromium()
    if program is None:
        skip_or_fail("no Chromium on PATH")
    profiles = tmp_path_factory.mktemp("profiles")
    with ExitStack() as stack:
        alice, bob = (
            ChatPage(stack.enter_context(chromium_page(program, profiles / name)))
            for name in ("alice", "bob")
        )
        yield alice, bob


@pytest.fixture
def alice(_browsers: tuple[ChatPage, ChatPage]) -> Iterator[ChatPage]:
    """The tab of the first person; its page is left at the end."""
    yield _browsers[0]
    _browsers[0].page.open("about:blank")


@pytest.fixture
def bob(_browsers: tuple[ChatPage, ChatPage]) -> Iterator[ChatPage]:
    """The tab of the second person."""
    yield _browsers[1]
    _browsers[1].page.open("about:blank")
