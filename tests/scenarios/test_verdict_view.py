"""What a run says at its end."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from harness.errors import RecordError
from harness.runsettings import RedTwin, Text
from reports.model import GateResult, Result, RigFinding, Verdict
from scenarios.verdict_view import (
    gate_table,
    read_verdict,
    report_lines,
    sentence,
    twin_line,
    value_text,
    verdict_view,
)


def gate(result: Result = "pass", value: float | None = 0.0) -> GateResult:
    return GateResult(
        metric="lost",
        window="during:ws-blocked",
        cohort="all",
        bound="<= 0",
        value=value,
        unit="messages",
        n=1_234,
        result=result,
    )


def verdict(*results: Result, reasons: tuple[str, ...] = ()) -> Verdict:
    worst: Result = (
        "fail" if "fail" in results else "invalid" if "invalid" in results or reasons else "pass"
    )
    finding = RigFinding(
        level="warning", what="busy", sentence=Text("The server used 97% of a core.", "")
    )
    return Verdict(
        verdict=worst, reasons=reasons, gates=tuple(gate(r) for r in results), rig=(finding,)
    )


def drawn(*parts: object) -> str:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    with console.capture() as capture:
        console.print(*parts)
    return capture.get()


def test_a_pass_is_one_sentence() -> None:
    assert sentence(verdict("pass", "pass")) == "PASS: all 2 gates hold."
    assert sentence(verdict("pass")) == "PASS: the gate holds."


def test_a_fail_counts_its_gates_and_gives_reasons() -> None:
    text = sentence(verdict("pass", "fail", reasons=("lost is 12, allowed <= 0.",)))

    assert text == "FAIL: 1 of 2 gates does not hold: lost is 12, allowed <= 0."


def test_an_invalid_run_says_that_it_cannot_tell() -> None:
    text = sentence(verdict("invalid", reasons=("a", "b", "c", "d", "e")))

    assert text == "INVALID: this run cannot tell: a; b; c (and 2 more)."


def test_the_table_has_a_row_with_a_word_for_each_gate() -> None:
    text = drawn(gate_table((gate(), gate("fail", 12.0), gate("invalid", None))))

    for words in ("PASS", "FAIL", "INVALID", "during:ws-blocked", "<= 0", "1,234"):
        assert words in text


def test_cohorts_have_a_column_only_where_a_gate_is_about_one() -> None:
    slow = msgspec.structs.replace(gate(), cohort="slow")

    assert "everybody" not in drawn(gate_table((gate(),)))
    text = drawn(gate_table((gate(), slow)))
    assert "everybody" in text
    assert "slow" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "-"),
        (1.23456, "s", "1.23 s"),
        (0.0123456, "s", "12 ms"),
        (0.0, "s", "0.00 s"),
        (0.02, "1", "0.02"),
        (1234.0, "messages", "1,234"),
        (1.5, "count", "1.5"),
        (16.25, "1/s", "16.2 1/s"),
    ],
)
def test_a_figure_is_readable(value: float | None, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


def test_the_report_is_named_from_where_the_user_stands(tmp_path: Path) -> None:
    inside = report_lines(tmp_path / "runs" / "1", tmp_path)
    outside = report_lines(tmp_path / "runs" / "1", tmp_path / "elsewhere")

    assert inside[0] == "Report: runs/1/report.html (open it in a browser)"
    assert str(tmp_path) in outside[0]


def test_the_end_shows_gates_rig_sentence_and_report(tmp_path: Path) -> None:
    text = drawn(verdict_view(verdict("pass"), tmp_path / "runs" / "1", tmp_path))

    order = [
        text.index(words)
        for words in ("lost", "rig, warning: The server", "PASS: the gate", "runs/1/report.html")
    ]
    assert order == sorted(order)


def test_a_verdict_is_read_from_its_run_directory(tmp_path: Path) -> None:
    written = verdict("pass", "fail")
    (tmp_path / "verdict.json").write_bytes(msgspec.json.encode(written))

    assert read_verdict(tmp_path) == written


def test_a_verdict_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_text("{}", encoding="utf-8")

    with pytest.raises(RecordError, match=r"verdict\.json: cannot be read"):
        read_verdict(tmp_path)


def test_a_twin_is_told_to_be_red_as_it_must_be_or_what_is_otherwise() -> None:
    twin = RedTwin(set=("a=1",), fails=("lost",), why=Text("", ""))

    assert twin_line(twin, verdict("fail")).plain == "Red twin: red as it must be, at lost."
    assert twin_line(twin, verdict("pass")).plain == (
        "Red twin, not as declared: lost@during:ws-blocked must fail: pass."
    )
