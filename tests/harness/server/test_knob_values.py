from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.server.knob_docs import knob_docs
from harness.server.knob_values import allowed, changed, parse_knobs, read_changes
from harness.server.knobs import Knobs

NAMES = Knobs.__struct_fields__
NUMBERS = [name for name in NAMES if allowed(name).startswith(("a number", "a whole number"))]


def refusal(name: str, value: Any) -> str:
    with pytest.raises(UsageError) as caught:
        read_changes({name: value})
    return str(caught.value)


def test_a_value_that_is_refused_is_told_with_its_knob_and_what_is_allowed() -> None:
    with pytest.raises(UsageError) as caught:
        parse_knobs(["idle_timeout_s=soon"])

    told = "idle_timeout_s=soon: must be a number of seconds from 0.01 to 31536000"
    assert str(caught.value) == f"--knob {told}"
    assert refusal("idle_timeout_s", "soon") == f"switches: {told}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("max_frame_bytes", "a whole number of bytes from 1 to 1000000000"),
        ("max_body_chars", "a whole number of characters from 1 to 1000000"),
        ("max_channels", "a whole number from 0 to 1000000"),
        ("session_timebox_s", "a number of seconds above 0, at most 31536000 or null"),
        ("half_open", "true or false"),
        ("plan", "one of free, off, pro, team"),
        ("join_refusal", "a text of at most 1000 characters, none of them for control"),
    ],
)
def test_what_is_allowed_is_told_in_words(name: str, words: str) -> None:
    assert allowed(name) == words


def test_every_knob_is_documented_with_what_it_may_be() -> None:
    assert [(one.name, one.allowed) for one in knob_docs()] == [(n, allowed(n)) for n in NAMES]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 10**30, -1e12, "1"])
def test_a_number_without_measure_is_refused(name: str, value: Any) -> None:
    assert f"{name}=" in refusal(name, value)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "9" * 5000, "", "soon"])
def test_a_text_that_is_no_number_is_refused_in_one_short_line(name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_knobs([f"{name}={text}"])

    assert str(caught.value).startswith(f"--knob {name}=")
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "clock_skew_s"])
def test_only_a_clock_may_be_below_0(name: str) -> None:
    assert allowed(name) in refusal(name, -1)


@pytest.mark.parametrize(
    "text",
    [
        "a\r\nSet-Cookie: b=c",
        "https://a.example\n",
        "a.example",
        "*, https://a.example",
        "https://é",
    ],
)
def test_origins_that_could_be_no_header_or_never_match_are_refused(text: str) -> None:
    told = refusal("cors_origins", text)

    assert "cors_origins=" in told
    assert not set("\r\n") & set(told)


@pytest.mark.parametrize(
    "text", ["*", "", "null", "https://a.example", "https://a.example:8443, http://127.0.0.1:3000"]
)
def test_origins_are_taken(text: str) -> None:
    assert parse_knobs([f"cors_origins={text}"]).cors_origins == text


@given(st.text())
def test_no_text_makes_a_line_break_in_what_is_told(text: str) -> None:
    try:
        parse_knobs([f"idle_timeout_s={text}"])
    except UsageError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - most texts, not all, are refused


def test_a_spans_ends_are_judged_together() -> None:
    line = "resubscribe_min_s=5: must be at most resubscribe_max_s=3"
    with pytest.raises(UsageError, match=f"^--knob {line}$"):
        parse_knobs(["resubscribe_min_s=5"])
    with pytest.raises(UsageError, match=f"^switches: {line}$"):
        changed(Knobs(), {"resubscribe_min_s": 5.0})

    both = {"resubscribe_min_s": 5.0, "resubscribe_max_s": 5.0}
    assert changed(Knobs(), both) == Knobs(resubscribe_min_s=5.0, resubscribe_max_s=5.0)
