from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.timeline import Action, Finished, Wait, next_action, plan, validate
from harness.errors import UsageError


def fault(name: str, at_s: float, for_s: float, kind: str = "reset", **keys: Any) -> ScheduledFault:
    table = {"name": name, "kind": kind, "on": "realtime", "at_s": at_s, "for_s": for_s, **keys}
    (found,) = parse_faults([table], where="x.toml", cohorts=("a", "b"), seed=1)
    return found


def in_server(name: str, at_s: float, for_s: float, kind: str, **keys: Any) -> ScheduledFault:
    table = {"name": name, "kind": kind, "at_s": at_s, "for_s": for_s, **keys}
    (found,) = parse_faults([table], where="x.toml", cohorts=("a", "b"), seed=1)
    return found


def played(faults: list[ScheduledFault], step_s: float = 1.0) -> list[tuple[float, str, str]]:
    """Every action as a director would take it that looks only each ``step_s``."""
    left, elapsed_s = plan(faults), 0.0
    taken: list[tuple[float, str, str]] = []
    while True:
        match next_action(left, elapsed_s):
            case Action() as action:
                taken.append((elapsed_s, action.what, action.fault.name))
                left = left[1:]
            case Wait():
                elapsed_s += step_s
            case Finished():
                return taken


def test_begins_and_ends_come_by_time_and_an_end_before_a_begin_of_the_same_moment() -> None:
    faults = [fault("a-late", 5, 2), fault("z-early", 1, 4), fault("b", 9, 1), fault("a", 9, 1)]
    assert played(faults) == [
        (1, "begin", "z-early"),
        (5, "end", "z-early"),
        (5, "begin", "a-late"),
        (7, "end", "a-late"),
        (9, "begin", "a"),
        (9, "begin", "b"),
        (10, "end", "a"),
        (10, "end", "b"),
    ]


def test_the_wait_is_until_the_next_action() -> None:
    assert next_action(plan([fault("f", 3, 4)]), 2.9) == Wait(3)


def test_an_action_is_due_at_its_very_moment() -> None:
    one = fault("f", 3, 4)
    assert next_action(plan([one]), 3) == Action(3, "begin", one, one.stages[0].changes)


def test_actions_that_were_missed_come_one_after_the_other() -> None:
    assert played([fault("f", 1, 1)], step_s=100) == [(100, "begin", "f"), (100, "end", "f")]


def test_nothing_left_is_the_end() -> None:
    assert next_action((), 0) == Finished()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=8),
    st.floats(0.3, 40),
)
def test_every_fault_begins_once_and_ends_once_after_it_never_early(
    times: list[tuple[int, int]], step_s: float
) -> None:
    faults = [fault(f"f{i}", at_s, for_s) for i, (at_s, for_s) in enumerate(times)]
    taken = played(faults, step_s)
    for each in faults:
        mine = [(when_s, what) for when_s, what, name in taken if name == each.name]
        assert [what for _, what in mine] == ["begin", "end"]
        assert mine[0][0] >= each.at_s
        assert mine[1][0] >= each.end_s
    assert [when_s for when_s, _, _ in taken] == sorted(when_s for when_s, _, _ in taken)


@pytest.mark.parametrize(
    "faults",
    [
        [fault("a", 0, 6, "latency", latency_ms=9), fault("b", 2, 3, "half_open")],
        [fault("a", 0, 5, "refused"), fault("b", 5, 5, "refused")],
        [fault("a", 0, 5, "refused", cohorts=["a"]), fault("b", 2, 5, "refused", cohorts=["b"])],
        [fault("a", 0, 5, "refused"), fault("b", 2, 5, "refused", on="api")],
        [fault("a", 5, 5)],
        [in_server("a", 0, 5, "mute"), in_server("b", 2, 5, "slow_commit", commit_s=1)],
        [
            in_server("a", 0, 5, "id_gap", commit_s=1),
            in_server("b", 2, 5, "slow_commit", commit_s=1),
        ],
        [in_server("a", 0, 5, "restart"), in_server("b", 5, 5, "mute")],
        [in_server("a", 0, 5, "kill"), fault("b", 2, 5)],
    ],
    ids=[
        "one within the other",
        "one after the other",
        "other cohorts",
        "other side",
        "up to the end",
        "other switches",
        "one knob at one value",
        "a server that is back",
        "the network of a server that is down",
    ],
)
def test_faults_that_can_go_together_are_allowed(faults: list[ScheduledFault]) -> None:
    validate(faults, where="x.toml", load_s=10)


@pytest.mark.parametrize(
    ("faults", "line"),
    [
        (
            [fault("b", 2, 5, "half_open"), fault("a", 0, 5, "refused")],
            "x.toml: faults 'a' and 'b' are both on proxy a-realtime at once and 'a' disables it;"
            " allowed: 'b' from 5 s on",
        ),
        (
            [fault("a", 0, 5, on="both"), fault("b", 4.9, 5, cohorts=["b"])],
            "x.toml: faults 'a' and 'b' are both on proxy b-realtime at once and of one kind"
            " (reset); allowed: 'b' from 5 s on",
        ),
        (
            [in_server("b", 2, 5, "mute"), in_server("a", 0, 5, "restart")],
            "x.toml: faults 'a' and 'b' are both in the server at once and 'a' takes it down;"
            " allowed: 'b' from 5 s on",
        ),
        (
            [in_server("a", 0, 5, "quota"), in_server("b", 2, 5, "quota")],
            "x.toml: faults 'a' and 'b' are both in the server at once and turn the same;"
            " allowed: 'b' from 5 s on",
        ),
        (
            [
                in_server("a", 0, 5, "mute"),
                in_server("b", 2, 5, "server", defects=["mute", "hang-poll"]),
            ],
            "x.toml: faults 'a' and 'b' are both in the server at once and plant the same defect"
            " (mute); allowed: 'b' from 5 s on",
        ),
        (
            [
                in_server("a", 0, 5, "id_gap", commit_s=1),
                in_server("b", 2, 5, "slow_commit", commit_s=2),
            ],
            "x.toml: faults 'a' and 'b' are both in the server at once and set one knob differently"
            " (slow_commit_s: 1.0 by 'a', 2.0 by 'b'); allowed: 'b' from 5 s on",
        ),
        (
            [in_server("a", 0, 5, "error_burst", off_s=2), in_server("b", 3, 1, "html_page")],
            "x.toml: faults 'a' and 'b' are both in the server at once and set one knob differently"
            " (strike_all: 'error-burst' by 'a', 'html-error' by 'b'); allowed: 'b' from 5 s on",
        ),
        (
            [in_server("a", 0, 5, "mute"), in_server("b", 2, 5, "server", defects=["event-twice"])],
            "x.toml: faults 'a' and 'b' are both in the server at once and one hides the other"
            " (event-twice can do nothing beside mute: nobody gets any row);"
            " allowed: 'b' from 5 s on",
        ),
        (
            [
                in_server("a", 0, 5, "server", knobs={"resubscribe_min_s": 2.5}),
                in_server("b", 2, 5, "server", knobs={"resubscribe_max_s": 2}),
            ],
            "x.toml: faults 'a' and 'b' are both in the server at once and do not go together"
            " (switches: resubscribe_min_s=2.5: must be at most resubscribe_max_s=2);"
            " allowed: 'b' from 5 s on",
        ),
        (
            [fault("a", 6, 5)],
            "x.toml: fault 'a' ends at 11 s, after the load (10 s); allowed: at_s + for_s up to 10",
        ),
    ],
)
def test_faults_that_cannot_go_together_are_refused_with_the_reason(
    faults: list[ScheduledFault], line: str
) -> None:
    with pytest.raises(UsageError) as caught:
        validate(faults, where="x.toml", load_s=10)
    assert str(caught.value) == line


def in_browser(name: str, kind: str, at_s: float, **keys: Any) -> ScheduledFault:
    table = {"name": name, "kind": kind, "at_s": at_s, "for_s": 5, **keys}
    (found,) = parse_faults([table], where="x.toml", cohorts=("a", "b"), seed=1)
    return found


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("hidden", "each takes the person elsewhere"),
        ("asleep", "of one kind (asleep)"),
    ],
)
def test_two_faults_cannot_take_the_same_people_away_at_once(second: str, reason: str) -> None:
    first = in_browser("lid", "asleep", 10, share=0.1)
    with pytest.raises(UsageError) as caught:
        validate([first, in_browser("x", second, 12)], where="x.toml", load_s=100)
    assert str(caught.value) == (
        f"x.toml: faults 'lid' and 'x' are both in the browsers of cohort a at once and {reason};"
        " allowed: 'x' from 15 s on"
    )
    validate([first, in_browser("x", second, 15)], where="x.toml", load_s=100)
    validate(
        [
            in_browser("lid", "asleep", 10, cohorts=["a"]),
            in_browser("x", second, 12, cohorts=["b"]),
        ],
        where="x.toml",
        load_s=100,
    )


def test_an_extension_may_be_in_a_browser_that_sleeps_behind_a_network_that_is_slow() -> None:
    faults = [
        in_browser("lid", "asleep", 10),
        in_browser("extension", "extension", 10),
        in_browser("twice", "post_repeated", 10),
        fault("slow", 10, 5),
    ]
    validate(faults, where="x.toml", load_s=100)
