"""Keys and lines of ``chatquake chaos``."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from scenarios.chaos_commands import (
    KEYS,
    Begin,
    Command,
    HealAll,
    Pause,
    Quit,
    Show,
    Turn,
    keys,
    parse,
)
from scenarios.typed import cut

FAULTS = ("refused-realtime", "refused-api")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("1", Turn("refused-realtime")),
        ("2", Turn("refused-api")),
        ("refused-api", Turn("refused-api")),
        ("on 2", Turn("refused-api", on=True)),
        ("off refused-api", Turn("refused-api", on=False)),
        ("0", HealAll()),
        ("heal", HealAll()),
        ("?", Show()),
        ("wait 2.5", Pause(2.5)),
        (" q ", Quit()),
        ("", None),
    ],
)
def test_a_key_or_a_line_is_a_command(text: str, command: Command | None) -> None:
    assert parse(text, FAULTS, by_key=True) == command


@pytest.mark.parametrize("text", ["", "start"])
def test_enter_begins_a_timeline(text: str) -> None:
    assert parse(text, FAULTS, by_key=False) == Begin()


@pytest.mark.parametrize(
    ("text", "by_key", "said"),
    [
        ("refused-app", True, "is no fault and no key; did you mean refused-api"),
        ("on", True, "is no fault and no key"),
        ("start", True, "is no fault and no key"),
        ("on 1 2", True, "'on 1 2': is no command; allowed: 1, 2 or a name"),
        ("1", False, "'1': is no command; allowed: start (or Enter)"),
        ("wait long", True, "wait long: must be seconds from 0 to 3600"),
        ("wait nan", True, "wait nan: must be seconds"),
    ],
)
def test_anything_else_says_what_is_allowed(text: str, by_key: bool, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text, FAULTS, by_key=by_key)
    assert said in str(raised.value)


def test_no_key_of_a_fault_means_something_else() -> None:
    many = tuple(f"fault-{number}" for number in range(40))
    assert len(keys(many)) == len(KEYS) == len(set(KEYS))
    for key, name in keys(many).items():
        assert parse(key, many, by_key=True) == Turn(name)
    assert parse("fault-39", many, by_key=True) == Turn("fault-39")


def test_lines_are_cut_where_they_end_and_the_last_one_at_the_end_of_all() -> None:
    assert cut(b"1\nwai", single_keys=False, last=False) == (["1"], b"wai")
    assert cut(b"wait 3\r\nq", single_keys=False, last=True) == (["wait 3", "q"], b"")
    assert cut(b"", single_keys=False, last=True) == ([], b"")


def test_every_key_is_one_and_what_a_function_key_sends_is_none() -> None:
    assert cut(b"12\n", single_keys=True, last=False) == (["1", "2", ""], b"")
    assert cut(b"\x1b[A", single_keys=True, last=False) == ([], b"")
