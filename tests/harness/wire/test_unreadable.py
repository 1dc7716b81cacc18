from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire.unreadable import MAX_DEPTH, too_deep


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"[":', b"}]")]
)
def test_a_hundred_levels_are_read_and_one_more_is_not(opening: bytes, closing: bytes) -> None:
    levels = MAX_DEPTH // (opening.count(b"[", 0, 1) + opening.count(b"{"))
    deepest = opening * levels + b"1" + closing * levels

    assert not too_deep(deepest)
    assert too_deep(b"[" + deepest + b"]")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(["[" * 200, {"{" * 200: "[" * 200}]),
        json.dumps(['"' + "[" * 200, "\\" + "[" * 200, '\\"[' * 200]),
        "[" + "[]," * 1000 + '{"a":{}}]',
    ],
)
def test_neither_brackets_in_strings_nor_many_beside_each_other_are_deep(text: str) -> None:
    assert not too_deep(text.encode())


def test_a_string_that_is_cut_off_is_one_to_its_end() -> None:
    """Were it none, its end would be looked for again from every quote in it."""
    assert not too_deep(b'["' + b'\\"[' * 200)


def depth(value: Any) -> int:
    if not isinstance(value, list | dict):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


words = st.text(alphabet='[]{}"\\a안', max_size=4)
values = st.recursive(
    st.none() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
)


@given(values, st.integers(90, 102), st.booleans())
def test_it_is_the_depth_of_what_is_decoded(value: Any, around: int, as_ascii: bool) -> None:
    text = "[" * around + json.dumps(value, ensure_ascii=as_ascii) + "]" * around

    assert too_deep(text.encode()) is (around + depth(value) > MAX_DEPTH)
