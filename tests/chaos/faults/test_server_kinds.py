from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.catalogue import CATALOGUE
from chaos.faults.model import Change, Stage
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import Down, Turned, checked
from chaos.timeline import Action, Finished, next_action, plan
from harness.errors import UsageError
from tests.chaos.test_faults import table_of

IN_SERVER = [kind for kind, type_ in CATALOGUE.items() if type_.means == "server"]


def one(kind: str, **keys: Any) -> ScheduledFault:
    tables = [{**table_of(kind), **keys}]
    (fault,) = parse_faults(tables, where="x.toml", cohorts=("a", "b"), seed=1)
    return fault


def turned(*defects: str, **knobs: Any) -> tuple[Change, ...]:
    return (Turned(knobs=knobs, defects=frozenset(defects)),)


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        (one("mute"), turned("mute")),
        (one("quota"), turned(changes_used_up=True)),
        (one("late_system_ok", delay_s=4), turned("late-system-ok", late_system_ok_s=4)),
        (one("slow_commit", commit_s=2), turned("slow-commit", slow_commit_s=2)),
        (one("id_gap", commit_s=2), turned("poll-id-gap", slow_commit_s=2)),
        (one("error_burst"), turned("error-burst", strike_all="error-burst")),
        (one("html_page"), turned("html-error", strike_all="html-error")),
        (one("empty_body"), turned("empty-body", strike_all="empty-body")),
        (one("hang"), turned("hang-create")),
        (one("hang", route="poll"), turned("hang-poll")),
        (one("token_revoked"), turned("token-never-accepted", confirm_token_s=0.1)),
        (one("clock_skew", skew_s=90), turned(clock_skew_s=90)),
        (one("restart"), (Down("stop"),)),
        (one("kill"), (Down("kill"),)),
        (
            one("server", defects=["event-lost"], knobs={"plan": "free"}),
            turned("event-lost", plan="free"),
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, ScheduledFault) else "",
)
def test_each_kind_is_its_changes_to_the_server(
    fault: ScheduledFault, changes: tuple[Change, ...]
) -> None:
    assert fault.stages == (Stage(0, changes),)


@pytest.mark.parametrize("kind", IN_SERVER)
def test_whatever_a_kind_turns_the_server_takes(kind: str) -> None:
    for stage in one(kind).stages:
        for change in stage.changes:
            if isinstance(change, Turned):
                assert checked(change) == change


@pytest.mark.parametrize("kind", IN_SERVER)
def test_a_fault_in_the_server_hits_all_cohorts_and_may_bite_every_proxy(kind: str) -> None:
    fault = one(kind)
    assert fault.cohorts == ("a", "b")
    assert fault.may_bite("a-realtime")
    assert not fault.may_bite("switches-of-another")


@pytest.mark.parametrize(
    ("fault", "lines"),
    [
        (one("mute"), ("server-realtime",)),
        (one("html_page"), ("server-api",)),
        (one("kill"), ("server-api", "server-realtime")),
        (one("id_gap"), ("switches-f",)),
        (one("server", name="odd#2"), ("switches-odd#2",)),
    ],
)
def test_the_canary_feels_a_fault_where_its_probes_go(
    fault: ScheduledFault, lines: tuple[str, ...]
) -> None:
    assert fault.proxies == lines


def test_bursts_are_stages_with_pauses_between_them() -> None:
    on = turned("error-burst", strike_all="error-burst")
    fault = one("error_burst", for_s=5, on_s=1, off_s=1.5)
    assert fault.stages == (Stage(0, on), Stage(1, ()), Stage(2.5, on), Stage(3.5, ()))
    assert fault.longest_pause_s == 1.5


@given(
    at_s=st.floats(0, 100),
    for_s=st.floats(0.1, 60),
    on_s=st.floats(0.5, 10),
    off_s=st.floats(0.001, 10),
)
def test_every_burst_is_over_when_the_fault_ends(
    at_s: float, for_s: float, on_s: float, off_s: float
) -> None:
    fault = one("error_burst", at_s=at_s, for_s=for_s, on_s=on_s, off_s=off_s)
    left, taken = plan([fault]), []
    while not isinstance(action := next_action(left, 1e9), Finished):
        assert isinstance(action, Action)
        taken.append(action.what)
        left = left[1:]
    assert taken[0] == "begin"
    assert taken[-1] == "end"
    assert taken.count("end") == 1


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"kind": "mute", "share": 0.5},
            "unknown key 'share'; did you mean phase? allowed: at_s, every_s, for_s,",
        ),
        (
            {"kind": "kill", "on": "api"},
            "unknown key 'on'; allowed: at_s, every_s, for_s, jitter_s, kind, name, phase, times",
        ),
        (
            {"kind": "hang", "route": "auth"},
            "faults[0].route: 'auth' is not allowed; allowed: create or poll",
        ),
        (
            {"kind": "slow_commit", "commit_s": 0},
            "faults[0].commit_s: 0 is not allowed; allowed: seconds from 0.2 to 600",
        ),
        (
            {"kind": "clock_skew", "skew_s": 9},
            "skew_s = 9 is too little to be seen; allowed: 10 or more, or -10 or less",
        ),
        (
            {"kind": "server", "defects": []},
            "neither knobs nor defects; allowed: one of them at least",
        ),
        (
            {"kind": "server", "defects": ["event-lots"]},
            "defects: event-lots: no such defect; did you mean event-lost",
        ),
        (
            {"kind": "server", "knobs": {"plan": "gold"}},
            "switches: plan=gold: must be one of free, off, pro, team",
        ),
        (
            {"kind": "server", "knobs": {"resubscribe_min_s": 9}},
            "switches: resubscribe_min_s=9: must be at most resubscribe_max_s=3",
        ),
        (
            {"kind": "server", "knobs": {"plan": "off"}},
            "knobs.plan: 'off' is what it is anyway; allowed: another value",
        ),
        (
            {"kind": "server", "knobs": "plan"},
            "faults[0].knobs: 'plan' is not allowed;"
            " allowed: a table of knobs (chatquake serve --list-knobs)",
        ),
    ],
)
def test_a_bad_table_is_one_line_that_says_what_is_allowed(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        one(**keys)
    assert str(caught.value).startswith("x.toml: faults[0]")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_sentence_of_a_switch_names_it() -> None:
    fault = one("server", defects=["event-lost"], knobs={"plan": "free"})
    assert fault.summary.sentence.en == "Server: switched on purpose: event-lost, plan = free."
