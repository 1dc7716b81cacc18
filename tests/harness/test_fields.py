"""What the fields of a settings struct mean and may be."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from harness.fields import allowed, meanings, unit


class Settings(msgspec.Struct):
    """A few of each kind."""

    wait_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
    """How long,
    in two lines; ``0`` is never."""
    rows: Annotated[int, Meta(ge=1, le=9, extra={"unit": "rows"})] = 1
    on: bool = True
    """Whether."""
    way: Literal["left", "right"] = "left"
    free: Annotated[float, Meta(description="any at all")] = 0.0
    limit: Annotated[int, Meta(ge=0, le=5)] | None = None
    name: str = ""


def test_a_meaning_is_the_docstring_below_the_field_in_one_line() -> None:
    assert meanings(Settings) == {
        "wait_s": "How long, in two lines; 0 is never.",
        "on": "Whether.",
    }


def test_a_unit_is_said_by_the_name_or_beside_the_type() -> None:
    assert [unit(Settings, name) for name in ("wait_s", "rows", "on")] == ["seconds", "rows", ""]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("wait_s", "a number of seconds above 0, at most 60"),
        ("rows", "a whole number of rows from 1 to 9"),
        ("on", "true or false"),
        ("way", "one of left, right"),
        ("free", "any at all"),
        ("limit", "a whole number from 0 to 5 or null"),
    ],
)
def test_what_is_allowed_is_told_in_words(field: str, words: str) -> None:
    assert allowed(Settings, field) == words


def test_a_type_without_words_is_our_own_mistake() -> None:
    with pytest.raises(TypeError, match=r"^name: there are no words"):
        allowed(Settings, "name")
