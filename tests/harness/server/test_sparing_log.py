from __future__ import annotations

from harness.server.sparing_log import SparingLog


def test_a_flood_is_a_few_lines_and_a_count() -> None:
    log = SparingLog(lines=2, window_s=60.0)

    lines = [log.line("bad", 0.0) for _ in range(10)]

    assert lines == ["bad", "bad", *[None] * 8]
    assert log.line("worse", 60.0) == "worse (8 such lines were left out before)"
    assert log.line("bad", 61.0) == "bad"


def test_a_line_is_short_and_one() -> None:
    line = SparingLog().line("a\nb" + "x" * 1000, 0.0)

    assert line is not None
    assert line.startswith("a\\nb")
    assert len(line) < 310
