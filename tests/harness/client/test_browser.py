"""The profiles: each differs from Chrome in what the docs say, and only in that."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from harness.client.browser import BROWSERS, CHROME, Browser

DOCS = (Path(__file__).parents[3] / "docs/browsers.md").read_text("utf-8")


def row_of(first_cell: str) -> list[str]:
    """The other cells of the table row that begins so."""
    (row,) = re.findall(rf"^\| `{re.escape(first_cell)}` \| (.*) \|$", DOCS, re.MULTILINE)
    cells: list[str] = row.split(" | ")
    return cells


def differences(browser: Browser) -> dict[str, object]:
    own, chrome = msgspec.structs.asdict(browser), msgspec.structs.asdict(CHROME)
    return {field: own[field] for field in own if own[field] != chrome[field] and field != "name"}


@pytest.mark.parametrize("name", sorted(BROWSERS))
def test_a_profile_is_documented_as_its_differences_from_chrome(name: str) -> None:
    documented = re.findall(r"`(\w+) = ([^`]+)`", row_of(name)[0])
    differs = differences(BROWSERS[name])

    assert {
        field: float(text) if text[0].isdigit() else text.strip('"') for field, text in (documented)
    } == differs


@pytest.mark.parametrize("field", [f for f in CHROME.__struct_fields__ if f != "name"])
def test_every_field_is_documented(field: str) -> None:
    assert re.search(rf"^\| .*`{field}`.*\|$", DOCS, re.MULTILINE)


def test_every_preset_is_known_by_its_own_name() -> None:
    assert {name: browser.name for name, browser in BROWSERS.items()} == {
        name: name for name in BROWSERS
    }


def test_chrome_is_in_front_of_a_person_and_lets_sockets_live() -> None:
    forever = ("hidden_after_s", "socket_lasts_s", "socket_idle_s")

    assert all(getattr(CHROME, field) == float("inf") for field in forever)
    assert CHROME.websocket == "works"
