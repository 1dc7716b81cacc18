from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.catalogue import CATALOGUE
from chaos.faults.model import Change, Disable, Stage
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.toxiproxy.limits import check_toxic
from chaos.toxiproxy.model import Toxic
from harness.errors import UsageError

COHORTS = ("chrome", "incognito")
BASE = {"name": "f", "kind": "refused", "on": "realtime", "at_s": 10, "for_s": 5}

NEEDED: dict[str, dict[str, Any]] = {
    "latency": {"latency_ms": 100},
    "flapping": {"down_s": 1, "up_s": 2},
    "loss": {"loss_percent": 5, "rtt_ms": 50},
    "bandwidth": {"rate_kb_per_s": 20},
    "sliced": {"average_bytes": 50},
    "cut_after": {"after_bytes": 1000},
    "slow_close": {"delay_ms": 500},
}
"""What a kind cannot be without."""


def parse(*tables: dict[str, Any]) -> tuple[ScheduledFault, ...]:
    return parse_faults(tables, where="x.toml", cohorts=COHORTS, seed=1)


def one(**keys: Any) -> ScheduledFault:
    (fault,) = parse({**BASE, **keys})
    return fault


def pair(type_: Any, attributes: dict[str, int], share: float = 1.0) -> tuple[Toxic, ...]:
    return tuple(
        Toxic(name=f"f-{stream}", type=type_, stream=stream, attributes=attributes, toxicity=share)
        for stream in ("upstream", "downstream")
    )


@pytest.mark.parametrize(
    ("keys", "changes"),
    [
        ({"kind": "refused"}, (Disable(),)),
        ({"kind": "half_open"}, pair("bandwidth", {"rate": 0})),
        ({"kind": "black_hole", "share": 0.5}, pair("timeout", {"timeout": 0}, 0.5)),
        ({"kind": "reset"}, pair("reset_peer", {"timeout": 0})),
        (
            {"kind": "latency", "latency_ms": 200, "jitter_ms": 20},
            pair("latency", {"latency": 200, "jitter": 20}),
        ),
        (
            {"kind": "latency", "latency_ms": 200, "direction": "upstream"},
            pair("latency", {"latency": 200, "jitter": 0})[:1],
        ),
    ],
)
def test_each_kind_becomes_its_changes_to_a_proxy(
    keys: dict[str, Any], changes: tuple[Change, ...]
) -> None:
    assert one(**keys).stages == (Stage(0, changes),)


def test_the_catalogue_names_each_type_by_its_own_kind() -> None:
    assert {name: type_.kind for name, type_ in CATALOGUE.items()} == {k: k for k in CATALOGUE}
    assert set(CATALOGUE) == {"refused", "half_open", "black_hole", "reset", *NEEDED}


@given(latency_ms=st.integers(1, 600_000), share=st.floats(0.001, 1), data=st.data())
def test_no_latency_that_parses_crashes_toxiproxy(
    latency_ms: int, share: float, data: st.DataObject
) -> None:
    jitter_ms = data.draw(st.integers(0, latency_ms))
    fault = one(kind="latency", latency_ms=latency_ms, jitter_ms=jitter_ms, share=share)
    for change in fault.stages[0].changes:
        assert isinstance(change, Toxic)
        check_toxic(change)


def test_one_way_latency_is_expected_to_slow_a_round_trip_half_as_much() -> None:
    both = one(kind="latency", latency_ms=400).fault.evidence().slower_by_s
    one_way = one(kind="latency", latency_ms=400, direction="downstream").fault.evidence()
    assert (both, one_way.slower_by_s) == (0.4, 0.2)


def test_a_fault_without_cohorts_hits_both_proxies_of_all() -> None:
    assert one(on="both").proxies == (
        "chrome-api",
        "chrome-realtime",
        "incognito-api",
        "incognito-realtime",
    )
    assert one(cohorts=["incognito"]).proxies == ("incognito-realtime",)


def test_a_repeated_fault_has_toxics_whose_names_can_stand_in_a_url() -> None:
    (first, second) = one(name="f#2", kind="reset").stages[0].changes
    assert isinstance(first, Toxic)
    assert isinstance(second, Toxic)
    assert (first.name, second.name) == ("f.2-upstream", "f.2-downstream")


def test_the_end_of_a_fault_meets_the_same_number_as_the_begin_of_the_next() -> None:
    assert one(at_s=0.1, for_s=0.2).end_s == one(at_s=0.3).at_s


def test_the_summary_says_side_effect_and_share_in_both_languages() -> None:
    summary = one(kind="latency", latency_ms=1500, share=0.25, on="api").summary
    assert (summary.planned_begin_s, summary.planned_end_s) == (10, 15)
    assert summary.sentence.en == (
        "Sending and loading messages (API): everything sent and everything received is delayed"
        " by 1.5 s. About 25% of the connections, picked by chance."
    )
    assert summary.sentence.ko == (
        "메시지 전송과 조회(API): 보내는 것과 받는 것이 모두 1.5초 늦어집니다."
        " 연결의 약 25%가 무작위로 겪습니다."
    )


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_kind_has_a_sentence_in_both_languages(kind: str) -> None:
    sentence = one(kind=kind, **NEEDED.get(kind, {})).summary.sentence
    assert sentence.en.endswith(".")
    assert sentence.ko.endswith("다.")


_KINDS = ", ".join(CATALOGUE)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"kind": "quake"}, f"x.toml: faults[0].kind: unknown kind 'quake'; allowed: {_KINDS}"),
        ({"kind": 3}, f"x.toml: faults[0].kind: unknown kind 3; allowed: {_KINDS}"),
        (
            {"latency_ms": 5},
            "x.toml: faults[0]: unknown key 'latency_ms';"
            " allowed: name, kind, at_s, for_s, on, cohorts, share",
        ),
        (
            {"kind": "latency"},
            "x.toml: faults[0].latency_ms: missing;"
            " allowed: a whole number of milliseconds from 1 to 600000",
        ),
        (
            {"kind": "latency", "latency_ms": "fast"},
            "x.toml: faults[0].latency_ms: 'fast' is not allowed;"
            " allowed: a whole number of milliseconds from 1 to 600000",
        ),
        (
            {"kind": "latency", "latency_ms": True},
            "x.toml: faults[0].latency_ms: True is not allowed;"
            " allowed: a whole number of milliseconds from 1 to 600000",
        ),
        (
            {"kind": "latency", "latency_ms": 5, "jitter_ms": 6},
            "x.toml: faults[0]: jitter_ms = 6 is more than latency_ms = 5",
        ),
        (
            {"on": "ws"},
            "x.toml: faults[0].on: 'ws' is not allowed; allowed: realtime, api or both",
        ),
        (
            {"at_s": -1},
            "x.toml: faults[0].at_s: -1 is not allowed;"
            " allowed: seconds after the load begins, 0 to 86400",
        ),
        (
            {"at_s": float("nan")},
            "x.toml: faults[0].at_s: nan is not allowed;"
            " allowed: seconds after the load begins, 0 to 86400",
        ),
        (
            {"for_s": 0},
            "x.toml: faults[0].for_s: 0 is not allowed; allowed: seconds, more than 0, up to 86400",
        ),
        (
            {"kind": "reset", "share": 1.5},
            "x.toml: faults[0].share: 1.5 is not allowed; allowed: a number above 0, up to 1",
        ),
        (
            {"share": 0.5},
            "x.toml: faults[0].share: refused hits every connection; allowed: 1, or leave it out",
        ),
        (
            {"cohorts": ["edge"]},
            "x.toml: faults[0].cohorts: unknown cohort 'edge'; allowed: chrome, incognito",
        ),
        (
            {"cohorts": ["chrome", 7]},
            "x.toml: faults[0].cohorts: ['chrome', 7] is not allowed;"
            " allowed: a list of cohort names; empty for all",
        ),
        (
            {"name": "ws/blocked"},
            "x.toml: faults[0].name: 'ws/blocked' is not allowed;"
            " allowed: letters, digits, - and _, with #2, #3, … for a repeated fault",
        ),
    ],
)
def test_a_bad_table_is_one_line_with_file_key_and_what_is_allowed(
    keys: dict[str, Any], line: str
) -> None:
    with pytest.raises(UsageError) as caught:
        one(**keys)
    assert str(caught.value) == line


def test_a_missing_common_key_is_named() -> None:
    with pytest.raises(UsageError, match=r"x\.toml: faults\[0\]\.at_s: missing; allowed: seconds"):
        parse({key: value for key, value in BASE.items() if key != "at_s"})


def test_the_same_name_twice_is_refused_with_a_name_that_would_do() -> None:
    with pytest.raises(UsageError) as caught:
        parse(BASE, {**BASE, "at_s": 50})
    assert str(caught.value) == (
        "x.toml: faults[1].name: 'f' is there twice; allowed: a name of its own, e.g. f#2"
    )
