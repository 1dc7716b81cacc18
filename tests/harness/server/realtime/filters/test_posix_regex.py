from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.server.realtime.filters.automaton import (
    MAX_CONSTRUCTIONS,
    Automaton,
    Char,
    Node,
    RegexError,
    Repeat,
    Sequence,
)
from harness.server.realtime.filters.posix_regex import compile_regex


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "x", True),
        ("^hel", "hello", True),
        ("^ell", "hello", False),
        ("lo$", "hello", True),
        ("lo$", "lo\n", False),
        ("^$", "", True),
        ("^$", "x", False),
        ("a.c", "a\nc", True),
        ("^(ab|cd)+$", "abcdab", True),
        ("^a{2,3}$", "aaaa", False),
        ("^a{2,}$", "aaaa", True),
        ("^a{0}$", "", True),
        ("a{x", "a{x", True),
        ("^[[:alpha:]]+$", "ab안", True),
        ("[]x]", "]", True),
        ("[^]x]", "]x", False),
        ("[a-c-]", "-", True),
        ("[a\\]]", "]", True),
        ("[[.-.]]", "-", True),
        ("\\d+\\.\\d", "v10.5", True),
        ("^\\S+$", "a b", False),
        ("a*?b", "aab", True),
        ("a||b", "", True),
        ("\\Ax\\Z", "x", True),
        ("}]", "}]", True),
    ],
)
def test_patterns_mean_what_they_mean_to_postgresql(
    pattern: str, text: str, expected: bool
) -> None:
    assert compile_regex(pattern).found_in(text) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [("^HEL", "hello", True), ("[^A]", "a", False), ("[x-z]", "Y", True), ("é", "É", True)],
)
def test_case_is_ignored_where_that_is_asked_for(pattern: str, text: str, expected: bool) -> None:
    assert compile_regex(pattern, ignore_case=True).found_in(text) is expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "parentheses () not balanced"),
        ("a)", "parentheses () not balanced"),
        ("[a", "brackets [] not balanced"),
        ("[[:alpha:", "brackets [] not balanced"),
        ("a{2", "braces {} not balanced"),
        ("*a", "quantifier operand invalid"),
        ("a**", "quantifier operand invalid"),
        ("^*", "quantifier operand invalid"),
        ("a{3,2}", "invalid repetition count(s)"),
        ("a{256}", "invalid repetition count(s)"),
        ("[z-a]", "invalid character range"),
        ("[[:foo:]]", "invalid character class"),
        ("\\q", "invalid escape \\ sequence"),
        ("a\\", "invalid escape \\ sequence"),
        ("(a)\\1", "regular expression is too complex"),
        ("(?=a)", "regular expression is too complex"),
        ("(?i)a", "regular expression is too complex"),
        ("a{255}", "regular expression is too complex"),
        ("(" * 1000, "regular expression is too complex"),
        ("x" * 1000, "regular expression is too complex"),
        ("a?" * 251, "regular expression is too complex"),
        ("((((){255}){255}){255}){255}", "regular expression is too complex"),
    ],
)
def test_what_is_no_pattern_or_not_served_says_why(pattern: str, message: str) -> None:
    with pytest.raises(RegexError) as refused:
        compile_regex(pattern)

    assert str(refused.value) == message


def test_a_pattern_that_ruins_a_backtracking_engine_reads_the_text_once() -> None:
    automaton = compile_regex("^(a+)+$|^(a|a)*b$|(.*)(.*)(.*)c$")

    assert not automaton.found_in("a" * 5_000 + "x")


def _patterns() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "^", "$", "\\d"])
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map("".join),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}"])).map(
                lambda pair: f"(?:{pair[0]}){pair[1]}"
            ),
        ),
        max_leaves=6,
    )


@given(_patterns(), st.text(alphabet="ab1", max_size=8), st.booleans())
def test_where_both_agree_on_the_syntax_the_answer_is_pythons(
    pattern: str, text: str, ignore_case: bool
) -> None:
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    # Without line ends in the text, Python's `$` is PostgreSQL's.
    expected = re.search(pattern, text, flags) is not None

    assert compile_regex(pattern, ignore_case=ignore_case).found_in(text) is expected


_NESTED = st.recursive(
    st.sampled_from(["", "a", "()", "[ab]", "(|)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["{255}", "{0,255}", "{3,}", "*", "?"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
    ),
    max_leaves=20,
)


@given(
    (_NESTED | st.text(alphabet="a(){}|*255,", max_size=200)).filter(lambda one: len(one) <= 200)
)
@example("(((){255}){255}){64}")
@example("((((){255}){255}){255}){255}")
def test_no_pattern_takes_more_than_so_many_steps_to_compile(pattern: str) -> None:
    taken = 0
    add = Automaton._add

    def counted(automaton: Automaton, node: Node, then: int) -> int:
        nonlocal taken
        taken += 1
        return add(automaton, node, then)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Automaton, "_add", counted)
        with suppress(RegexError):
            compile_regex(pattern)

    assert taken <= MAX_CONSTRUCTIONS + 1


def test_a_test_that_a_repetition_shares_is_asked_once_for_a_character() -> None:
    asked: list[str] = []

    def is_x(char: str) -> bool:
        asked.append(char)
        return char == "x"

    optional = Repeat(Char(is_x), 0, 1)
    automaton = Automaton(Sequence((Repeat(optional, 50, 50), Char(lambda char: char == "q"))))

    assert not automaton.found_in("xy")
    assert asked == ["x", "y"]
