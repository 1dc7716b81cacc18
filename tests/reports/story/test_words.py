"""Texts of others on a terminal."""

from __future__ import annotations

from rich.cells import cell_len

from reports.story.words import BODY_CELLS, many, quoted, seconds, tamed


def test_control_characters_and_line_ends_cannot_reach_the_terminal() -> None:
    shown = tamed("a\x1b[31mb\nc\td\u202ee")

    assert shown.isprintable()
    assert shown == "a�[31mb c d�e"


def test_korean_and_emoji_are_cut_by_their_width_and_not_by_their_number() -> None:
    for body in ("안녕하세요 " * 20, "😊" * 60, "x" * 5_000):
        assert cell_len(quoted(body)) <= BODY_CELLS + 2
    assert quoted("안녕하세요") == '"안녕하세요"'
    assert tamed("한") == "한"


def test_a_text_from_right_to_left_turns_nothing_but_itself() -> None:
    assert tamed("שלום") == "\u2068שלום\u2069"


def test_figures_are_short() -> None:
    assert [seconds(s) for s in (0.0004, 0.057, 0.57, 12.34)] == [
        "0 ms",
        "57 ms",
        "0.57 s",
        "12.3 s",
    ]
    assert [many(1, "row"), many(1200, "row")] == ["1 row", "1,200 rows"]
