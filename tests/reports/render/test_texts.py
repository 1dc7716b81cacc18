"""Both languages are whole, and say values as a reader needs them."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.runsettings import Text
from reports.gates import METRIC_NAMES
from reports.render.words import bound_words, metric_name, window_name
from reports.texts import LANGUAGES, Sayable, Wording, load_texts, sentence
from reports.texts.quantity import Kind, Quantity, digits, kind_of
from tests.support.sample_audit import sample_audit

EN, KO = load_texts("en"), load_texts("ko")
HANGUL = re.compile("[가-힣]")
SAME_IN_BOTH = {"quantity.mebibytes"}
"""Keys with letters that are the same in every language."""


def _fields(wording: Wording) -> set[str]:
    forms = [wording.other, wording.one or ""]
    return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert set(EN.wordings) == set(KO.wordings)


def test_both_languages_fill_in_the_same_values() -> None:
    for key, wording in EN.wordings.items():
        assert _fields(wording) - {"count"} == _fields(KO.wordings[key]) - {"count"}, key


def test_no_korean_text_is_left_in_english() -> None:
    for key, wording in KO.wordings.items():
        letters = re.sub(r"\{\w*\}", "", wording.other)
        if key not in SAME_IN_BOTH and re.search("[A-Za-z]{3}", letters):
            assert HANGUL.search(letters), key


def test_no_english_text_has_hangul() -> None:
    assert not [key for key, wording in EN.wordings.items() if HANGUL.search(wording.other)]


@pytest.mark.parametrize("metric", sorted(METRIC_NAMES))
def test_every_metric_of_a_gate_has_a_name_in_words(metric: str) -> None:
    for texts in (EN, KO):
        said = texts.say(metric_name(metric))
        assert not re.search(r"[a-z]_[a-z]|\b(p\d\d|max|peak)\b", said)


@pytest.mark.parametrize(
    ("value", "kind", "english", "korean"),
    [
        (8.1, "seconds", "8.1 s", "8.1초"),
        (10.0, "seconds", "10 s", "10초"),
        (0.0452, "seconds", "0.045 s", "0.045초"),
        (1234.5, "seconds", "1,234 s", "1,234초"),
        (0.0, "share", "0%", "0%"),
        (0.07, "share", "7%", "7%"),
        (0.1342, "share", "13.4%", "13.4%"),
        (0.00012, "share", "0.012%", "0.012%"),
        (2310, "count", "2,310", "2,310"),
        (3, "messages", "3", "3건"),
        (12.5, "per_second", "12.5/s", "초당 12.5회"),
        (1.04, "ratio", "1.0", "1.0"),
        (None, "seconds", "–", "–"),
    ],
)
def test_values_are_said_with_their_unit(
    value: float | None, kind: Kind, english: str, korean: str
) -> None:
    assert EN.say(Quantity(value, kind)) == english
    assert KO.say(Quantity(value, kind)) == korean


def test_what_never_ended_is_said_to_be_longer() -> None:
    assert EN.say(Quantity(10.0, "seconds", beyond=True)) == "> 10 s"
    assert KO.say(Quantity(10.0, "seconds", beyond=True)) == "> 10초"


@given(st.floats(min_value=0.001, max_value=1e9))
def test_printed_digits_are_near_the_value(value: float) -> None:
    assert float(digits(value, "ratio").replace(",", "")) == pytest.approx(value, rel=0.06)


def test_a_count_of_one_is_singular_in_english() -> None:
    assert EN.say(sentence("headline.pass", count=1)) == "The chat kept its one limit."
    assert EN.say(sentence("headline.pass", count=2)) == "The chat kept all 2 limits."


def test_an_unknown_name_is_said_as_it_is_and_an_unknown_key_is_an_error() -> None:
    assert EN.say(metric_name("brand_new_s.p42")) == "brand_new_s (p42)"
    assert EN.say(window_name("odd")) == "odd"
    with pytest.raises(KeyError, match="nothing_like_it"):
        EN.say(sentence("nothing_like_it"))


def test_values_with_braces_are_said_as_they_are() -> None:
    said: Sayable = sentence("window.during", fault="{count} {0}")
    assert EN.say(said) == "during {count} {0}"


def test_a_text_of_the_scenario_is_said_in_its_language() -> None:
    both = Text(en="yes", ko="예")
    assert [load_texts(language).say(both) for language in LANGUAGES] == ["yes", "예"]


def test_a_rate_is_a_share_and_another_bare_figure_is_a_ratio() -> None:
    assert kind_of("late_rate", "1") == "share"
    assert kind_of("request_amplification", "1") == "ratio"
    assert kind_of("poll_rate.peak", "1/s") == "per_second"


def test_bounds_are_said_in_words() -> None:
    said = {g.metric: EN.say(bound_words(g)) for g in sample_audit().verdict.gates}
    assert said["send_timeout_rate"] == "at most 1%"
    assert said["fallback_detect_s.p90"] == "at most 10 s"
