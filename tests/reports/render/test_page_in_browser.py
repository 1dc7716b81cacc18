"""The page in a real Chromium: nothing is fetched, nothing goes wrong, the language changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.render import render
from tests.support.chromium import Page, chromium_page, find_chromium
from tests.support.sample_audit import sample_audit

PROGRAM = find_chromium()

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium on PATH"),
]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    report = render(sample_audit("fail"), tmp_path / "run", formats=("html",))[0]
    assert PROGRAM is not None
    with chromium_page(PROGRAM, tmp_path / "profile") as tab:
        tab.open(report.as_uri())
        yield tab


def _shown(page: Page, language: str) -> bool:
    """Whether the headline's words in that language take up room."""
    box = f"document.querySelector('h1 > .t[lang={language}]').getClientRects().length"
    return bool(page.evaluate(box))


def test_the_page_opens_without_an_error_and_asks_for_nothing_else(page: Page) -> None:
    assert page.evaluate("document.readyState") == "complete"
    assert page.errors == []
    assert len(page.requests) == 1
    assert page.requests[0].startswith("file://")


def test_the_switch_changes_language_title_and_what_is_shown(page: Page) -> None:
    assert (_shown(page, "en"), _shown(page, "ko")) == (True, False)
    page.evaluate("document.querySelector('.switch [value=ko]').click()")
    assert (_shown(page, "en"), _shown(page, "ko")) == (False, True)
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert page.evaluate("document.title") == "WebSocket이 잠시 막힙니다: 실패"
    assert page.errors == []


def test_without_script_the_page_shows_its_own_language_only(page: Page) -> None:
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(page.requests[0])
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert (_shown(page, "en"), _shown(page, "ko")) == (True, False)
    assert page.evaluate("document.querySelector('.switch').hidden") is True


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_never_scrolls_sideways_as_a_whole(page: Page, width: int) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
              deviceScaleFactor=1, mobile=False)  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth") <= width
