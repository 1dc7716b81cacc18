"""What people write."""

from __future__ import annotations

import statistics
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.server.knobs import Knobs
from scenarios.awkward import AWKWARD
from scenarios.chatlines import LONG_CHARS, POOL_SIZE, REACTIONS, chat_lines

CHAT_LIMIT = Knobs().max_body_chars


def has_korean(line: str) -> bool:
    return any("가" <= letter <= "힣" for letter in line)


@settings(max_examples=5)
@given(st.integers(0, 2**64 - 1))
def test_the_lines_are_as_long_as_a_chat_s_and_follow_from_the_seed(seed: int) -> None:
    lines = chat_lines(seed)

    assert lines == chat_lines(seed)
    assert len(lines) == POOL_SIZE
    lengths = sorted(map(len, lines))
    assert 10 <= statistics.median(lengths) <= 40
    assert lengths[int(0.9 * POOL_SIZE)] <= 100
    assert lengths[-1] >= LONG_CHARS[0] - 1  # a space at the cut
    assert all(line.strip() and len(line) <= CHAT_LIMIT for line in lines)
    assert 0.4 < sum(map(has_korean, lines)) / POOL_SIZE < 0.75


def test_another_seed_gives_other_lines() -> None:
    assert chat_lines(1) != chat_lines(2)


def test_long_ones_are_in_both_languages() -> None:
    long = [line for line in chat_lines(1) if len(line) > 250]

    assert {has_korean(line) for line in long} == {True, False}
    assert 0.01 < len(long) / POOL_SIZE < 0.1


@pytest.mark.parametrize("kind", AWKWARD)
def test_every_awkward_text_is_among_the_lines(kind: str) -> None:
    assert set(AWKWARD[kind]) <= set(chat_lines(1))


def test_about_one_line_in_ten_is_awkward_or_long() -> None:
    awkward = sum(len(kind) for kind in AWKWARD.values())
    long = sum(len(line) > 250 for line in chat_lines(1))

    assert 0.08 < (awkward + long) / POOL_SIZE < 0.16


def test_the_awkward_are_what_they_are_said_to_be() -> None:
    def any_letter(kind: str, is_so: object) -> list[bool]:
        return [any(map(is_so, line)) for line in AWKWARD[kind]]  # type: ignore[call-overload]

    assert all(any_letter("right to left", lambda c: unicodedata.bidirectional(c) in "R AL RLO"))
    changed = [unicodedata.normalize("NFC", line) != line for line in AWKWARD["combining"]]
    assert changed.count(True) >= 2
    assert all(any_letter("emoji", lambda c: ord(c) > 0xFFFF))


def test_no_text_is_one_that_postgresql_cannot_store() -> None:
    every = [*REACTIONS, *(line for kind in AWKWARD.values() for line in kind)]

    assert not any("\0" in line for line in every)
    assert all(line.encode("utf-8").decode("utf-8") == line for line in every)
