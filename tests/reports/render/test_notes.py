"""What a reader is told before any figure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from harness.runsettings import RedTwin, Shortened, Text, Variant
from reports.figures import draw_all
from reports.render.html import html
from reports.render.markdown import markdown
from reports.render.notes import notes
from reports.texts import load_texts
from tests.support.sample_audit import sample_audit
from tests.support.small_history import settings

TWIN = RedTwin(
    set=("a.b=1",), fails=("lost",), why=Text("Nobody reads again.", "아무도 읽지 않습니다.")
)
HEARTBEAT = Shortened(
    name="heartbeat_s", value_s=5, usual_s=25, meaning=Text("between heartbeats", "하트비트 간격")
)


def said(**changed: object) -> list[str]:
    english = load_texts("en")
    return [english.say(note) for note in notes(settings(**changed))]


def test_an_ordinary_run_has_none() -> None:
    assert said() == []


def test_a_red_twin_says_that_it_is_meant_to_fail_and_at_what() -> None:
    first, second = said(variant=Variant(red_twin=TWIN))

    assert first == "Red twin: this run is expected to fail. Nobody reads again."
    assert second == "Changed on purpose: a.b=1. Expected to fail: lost."


def test_each_shortened_constant_is_named_with_its_usual_value() -> None:
    (line,) = said(shortened=(HEARTBEAT,))

    assert line == "Shortened: between heartbeats (heartbeat_s) is 5 s here, usually 25 s."


def test_a_changed_server_and_a_full_length_are_named() -> None:
    full, server = said(variant=Variant(full_length=True), server=("event-lost",))

    assert full == "Full length: nothing is shortened."
    assert server.endswith("for the whole run: event-lost.")


def test_pages_say_so_before_the_figures_and_expect_of_another_form_nothing() -> None:
    def pages(**changed: Any) -> tuple[str, str]:
        audit = sample_audit()
        audit = replace(audit, settings=msgspec.structs.replace(audit.settings, **changed))
        return markdown(audit, language="en"), html(audit, draw_all(audit), language="en")

    expect = Text("Nothing is lost.", "잃는 메시지가 없습니다.")
    plain = pages(expect=expect)
    twin = pages(expect=expect, variant=Variant(red_twin=TWIN))

    assert "To be expected: Nothing is lost." in plain[1]
    assert "To be expected" not in twin[1]
    for text in twin:
        assert text.index("expected to fail") < text.index(TWIN.why.en) < text.index("Samples")
    assert not any("expected to fail" in text for text in plain)
