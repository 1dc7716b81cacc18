from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from chaos.receipts import receipts
from harness.receipts import Probe, Receipt
from tests.support.simulated_canary import PERIOD_S, USUAL_S, Bad, probes

BEGINS_AT_S = 500.0
LAG_S = 0.01
"""From a request of the director to its effect, and from that to the confirmation."""

FAULTS: dict[str, dict[str, Any]] = {
    "refused": {},
    "half_open": {},
    "black_hole": {},
    "latency": {"latency_ms": 300},
    "reset": {},
}
RT, API, OTHER = "a-realtime", "a-api", "b-realtime"


def schedule(*tables: dict[str, Any]) -> tuple[ScheduledFault, ...]:
    return parse_faults(tables, where="x.toml", cohorts=("a", "b"), seed=1)


def table(kind: str, at_s: float = 10, for_s: float = 10, **keys: Any) -> dict[str, Any]:
    common = {"name": kind, "on": "realtime", "cohorts": ["a"], "at_s": at_s, "for_s": for_s}
    return {**common, "kind": kind, **FAULTS.get(kind, {}), **keys}


def history(faults: Sequence[ScheduledFault]) -> list[HistoryEntry]:
    entries = []
    for fault in faults:
        begin_s, end_s = BEGINS_AT_S + fault.at_s, BEGINS_AT_S + fault.end_s
        entries += [
            HistoryEntry(t_s=begin_s, fault=fault.name, what="requested"),
            HistoryEntry(t_s=begin_s + 2 * LAG_S, fault=fault.name, what="applied"),
            HistoryEntry(t_s=end_s, fault=fault.name, what="heal_requested"),
            HistoryEntry(t_s=end_s + 2 * LAG_S, fault=fault.name, what="heal_applied"),
        ]
    return entries


def bad(fault: ScheduledFault, *, late_s: float = LAG_S, longer_s: float = LAG_S) -> Bad:
    """The network as the fault makes it."""
    return Bad(
        fault.kind,
        BEGINS_AT_S + fault.at_s + late_s,
        BEGINS_AT_S + fault.end_s + longer_s,
        delay_s=0.6,
    )


def judge(
    faults: Sequence[ScheduledFault],
    network: Mapping[str, tuple[Bad, ...]],
    entries: Sequence[HistoryEntry] | None = None,
    load_s: float = 60,
) -> dict[str, Receipt]:
    seen = list(probes(BEGINS_AT_S - 5, BEGINS_AT_S + load_s, network))
    found = receipts(
        faults,
        history(faults) if entries is None else entries,
        reversed(seen),
        load_begins_at_s=BEGINS_AT_S,
    )
    return {receipt.fault: receipt for receipt in found}


def one(kind: str, network: Mapping[str, tuple[Bad, ...]], **keys: Any) -> Receipt:
    return judge(schedule(table(kind, **keys)), network)[kind]


def faithful(kind: str, **keys: Any) -> Receipt:
    """The receipt of a fault that did exactly what was asked for."""
    (fault,) = schedule(table(kind, **keys))
    return one(kind, {RT: (bad(fault),), OTHER: ()}, **keys)


def said(receipt: Receipt) -> tuple[str, ...]:
    """Its problems in English."""
    return tuple(problem.en for problem in receipt.problems)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_did_what_was_asked_has_no_problems(kind: str) -> None:
    assert faithful(kind).problems == ()


def _cuts(every_s: float, first_s: float, last_s: float) -> list[Probe]:
    """A kept connection that works but for a cut every so often."""
    seen = [
        Probe(proxy=RT, kind="ws", sent_s=t_s, outcome="ok", answered_s=t_s + USUAL_S)
        for t_s in (BEGINS_AT_S - 5 + number * PERIOD_S for number in range(int(65 / PERIOD_S)))
    ]
    at_s = first_s
    while at_s <= last_s:
        seen.append(Probe(proxy=RT, kind="ws", sent_s=BEGINS_AT_S + at_s, outcome="closed"))
        at_s += every_s
    return seen


@pytest.mark.parametrize(
    ("first_s", "last_s", "problems"),
    [
        (10.5, 29.0, ()),
        (15.5, 29.0, ()),  # the canary's connection was young when it began
        (16.5, 29.0, ("a-realtime was hit only 6.48 s after it was applied",)),
        (10.5, 21.0, ("a-realtime was no longer hit from 9.50 s before its end on",)),
    ],
)
def test_a_fault_that_bites_now_and_then_is_given_the_time_between_two_bites(
    first_s: float, last_s: float, problems: tuple[str, ...]
) -> None:
    """A lifetime of 5 s, from second 10 to 30."""
    faults = schedule(table("ttl", for_s=20, ttl_s=5))
    (receipt,) = receipts(
        faults,
        history(faults),
        _cuts(5.0 if last_s > 25 else 10.0, first_s, last_s),
        load_begins_at_s=BEGINS_AT_S,
    )
    assert said(receipt) == problems


@pytest.mark.parametrize("kind", FAULTS)
@given(at_s=st.floats(3, 20), for_s=st.floats(1.5, 20))
def test_the_edges_are_within_a_probe_or_two_of_the_truth(
    kind: str, at_s: float, for_s: float
) -> None:
    receipt = faithful(kind, at_s=at_s, for_s=for_s)
    (fault,) = schedule(table(kind, at_s=at_s, for_s=for_s))
    truth = bad(fault)
    assert receipt.problems == ()
    assert receipt.first_effect_s is not None
    assert receipt.last_effect_s is not None
    assert receipt.healed_s is not None
    step_s = 2 * PERIOD_S + USUAL_S + 1e-6  # every other probe of a Realtime proxy is a connect
    assert truth.begin_s <= receipt.first_effect_s <= truth.begin_s + step_s
    assert truth.end_s - step_s - 0.06 <= receipt.last_effect_s <= truth.end_s
    assert receipt.last_effect_s < receipt.healed_s <= truth.end_s + step_s


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("refused", "connect refused 100 of 100, socket refused 100 of 100"),
        ("half_open", "socket late 99 of 99 (median 5.01 s instead of 0.002 s)"),
        ("black_hole", "socket closed 100 of 100"),
        ("latency", "socket late 99 of 99 (median 0.602 s instead of 0.002 s)"),
        ("reset", "socket closed 100 of 100"),
    ],
)
def test_the_effect_is_told_with_its_numbers(kind: str, words: str) -> None:
    assert faithful(kind).effect.en == words


def test_the_receipt_carries_plan_request_and_confirmation() -> None:
    receipt = faithful("refused")
    assert (receipt.planned_begin_s, receipt.planned_end_s) == (510, 520)
    assert (receipt.requested_s, receipt.applied_s) == (510, 510.02)
    assert (receipt.heal_requested_s, receipt.heal_applied_s) == (520, 520.02)
    assert (receipt.cohorts, receipt.proxies) == (("a",), (RT,))


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_never_bit_is_no_proof(kind: str) -> None:
    receipt = one(kind, {RT: ()})
    assert said(receipt) == ("no probe through a-realtime was hit",)
    assert (receipt.first_effect_s, receipt.effect.en) == (None, "no effect seen")


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_bit_late_says_how_late(kind: str) -> None:
    (fault,) = schedule(table(kind))
    (problem,) = said(one(kind, {RT: (bad(fault, late_s=1.52),)}))
    assert problem.startswith("a-realtime was hit only 1.5")


@pytest.mark.parametrize("kind", ["refused", "black_hole", "reset", "latency"])
def test_a_fault_that_bit_before_it_was_requested_is_no_proof(kind: str) -> None:
    (fault,) = schedule(table(kind))
    (problem,) = said(one(kind, {RT: (bad(fault, late_s=-3),)}))
    assert problem.startswith("a-realtime was bitten before it was requested (")


@pytest.mark.parametrize("kind", ["half_open", "black_hole"])
def test_probes_that_were_under_way_at_the_request_do_not_move_the_begin(kind: str) -> None:
    (fault,) = schedule(table(kind))
    receipt = one(kind, {RT: (bad(fault, late_s=-0.2),)})
    assert receipt.problems == ()
    assert receipt.first_effect_s == pytest.approx(BEGINS_AT_S + 10, abs=0.15)
    assert receipt.requested_s is not None
    assert receipt.first_effect_s is not None
    assert receipt.first_effect_s >= receipt.requested_s


@pytest.mark.parametrize("kind", ["refused", "black_hole", "reset", "latency"])
def test_a_fault_that_does_not_heal_in_time_says_so(kind: str) -> None:
    (fault,) = schedule(table(kind))
    (problem,) = said(one(kind, {RT: (bad(fault, longer_s=5),)}))
    assert problem.startswith("a-realtime was good again only 4.")


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_never_heals_says_so(kind: str) -> None:
    (fault,) = schedule(table(kind))
    receipt = one(kind, {RT: (bad(fault, longer_s=500),)})
    assert "a-realtime was never good again" in said(receipt)
    assert receipt.healed_s is None


def test_a_fault_is_healed_when_the_last_of_its_proxies_is() -> None:
    (fault,) = schedule(table("reset", on="both"))
    late = one("reset", {RT: (bad(fault),), API: (bad(fault, longer_s=1),)}, on="both")
    assert late.healed_s == pytest.approx(BEGINS_AT_S + 21, abs=0.15)
    never = one("reset", {RT: (bad(fault),), API: (bad(fault, longer_s=500),)}, on="both")
    assert never.healed_s is None


def test_a_short_good_moment_is_no_healing() -> None:
    (fault,) = schedule(table("reset"))
    again = Bad("reset", BEGINS_AT_S + 20.5, BEGINS_AT_S + 21)
    receipt = one("reset", {RT: (bad(fault), again)})
    assert receipt.problems == ()
    assert receipt.healed_s is not None
    assert receipt.healed_s >= again.end_s
    assert receipt.last_effect_s == pytest.approx(again.end_s, abs=0.15)


def test_a_busy_server_after_the_healing_is_not_the_faults() -> None:
    (fault,) = schedule(table("half_open"))
    busy = Bad("latency", BEGINS_AT_S + 20.5, BEGINS_AT_S + 40, delay_s=0.9)
    receipt = one("half_open", {RT: (bad(fault), busy)})
    assert receipt.problems == ()
    assert receipt.healed_s == pytest.approx(BEGINS_AT_S + 20, abs=0.15)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_stops_by_itself_is_no_proof(kind: str) -> None:
    (fault,) = schedule(table(kind))
    (problem,) = said(one(kind, {RT: (bad(fault, longer_s=-5),)}))
    assert problem.startswith("a-realtime was no longer hit from 5.")


@pytest.mark.parametrize("kind", FAULTS)
def test_a_proxy_of_the_fault_that_was_untouched_is_named(kind: str) -> None:
    (fault,) = schedule(table(kind, on="both"))
    receipt = one(kind, {RT: (bad(fault),), API: ()}, on="both")
    assert said(receipt) == ("no probe through a-api was hit",)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_proxy_that_is_not_the_faults_and_was_hit_is_named(kind: str) -> None:
    (fault,) = schedule(table(kind))
    receipt = one(kind, {RT: (bad(fault),), OTHER: (bad(fault),)})
    (problem,) = said(receipt)
    assert problem.startswith("b-realtime was hit too (")


def test_two_faults_at_once_on_two_cohorts_do_not_accuse_each_other() -> None:
    faults = schedule(
        table("reset"), table("reset", name="twin", cohorts=["b"], at_s=12), table("latency", 40)
    )
    reset, twin, latency = faults
    found = judge(faults, {RT: (bad(reset), bad(latency)), OTHER: (bad(twin),)})
    assert [receipt.problems for receipt in found.values()] == [(), (), ()]


@pytest.mark.parametrize("first", FAULTS)
@pytest.mark.parametrize("second", FAULTS)
def test_a_fault_right_after_another_on_the_same_proxy_has_its_own_edges(
    first: str, second: str
) -> None:
    faults = schedule(table(first, 10, 10), table(second, 20, 10, name="next"))
    found = judge(faults, {RT: tuple(bad(fault) for fault in faults)})
    assert found["next"].problems == ()
    assert found["next"].first_effect_s == pytest.approx(BEGINS_AT_S + 20, abs=0.15)
    assert found["next"].healed_s == pytest.approx(BEGINS_AT_S + 30, abs=0.15)
    assert found[first].problems == ()
    assert found[first].first_effect_s == pytest.approx(BEGINS_AT_S + 10, abs=0.15)
    assert found[first].last_effect_s == pytest.approx(BEGINS_AT_S + 20, abs=0.15)


def test_a_healing_is_not_undone_by_the_next_fault() -> None:
    faults = schedule(table("reset"), table("reset", 21, 10, name="next"))
    found = judge(faults, {RT: tuple(bad(fault) for fault in faults)})
    assert [receipt.problems for receipt in found.values()] == [(), ()]
    assert found["reset"].healed_s == pytest.approx(BEGINS_AT_S + 20, abs=0.15)


def test_what_is_usual_is_not_learnt_during_another_fault() -> None:
    faults = schedule(table("latency", 2, 30), table("latency", 36, 10, name="next"))
    found = judge(faults, {RT: tuple(bad(fault) for fault in faults)})
    assert [receipt.problems for receipt in found.values()] == [(), ()]


def test_a_fault_that_heals_in_time_may_still_show_while_another_cohort_is_hit() -> None:
    faults = schedule(table("reset"), table("reset", 20.1, 1, name="twin", cohorts=["b"]))
    reset, twin = faults
    found = judge(faults, {RT: (bad(reset, longer_s=1.5),), OTHER: (bad(twin),)})
    assert [receipt.problems for receipt in found.values()] == [(), ()]


def test_a_stall_within_a_slow_stretch_is_told_from_it() -> None:
    faults = schedule(table("latency", 10, 20), table("half_open", 18, 5))
    slow, silent = bad(faults[0]), bad(faults[1])
    found = judge(faults, {RT: (silent, slow)})
    assert [receipt.problems for receipt in found.values()] == [(), ()]
    assert found["latency"].first_effect_s == pytest.approx(BEGINS_AT_S + 10, abs=0.15)
    assert found["latency"].healed_s == pytest.approx(BEGINS_AT_S + 30, abs=0.15)
    assert found["half_open"].first_effect_s == pytest.approx(BEGINS_AT_S + 18, abs=0.15)
    assert found["half_open"].healed_s == pytest.approx(BEGINS_AT_S + 23, abs=0.15)
    assert found["half_open"].effect.en.endswith("instead of 0.6 s)")
    usual_s = 0.6  # the stall's last probes wait no longer than that
    assert found["half_open"].last_effect_s == pytest.approx(BEGINS_AT_S + 23, abs=2.1 * usual_s)


def test_a_share_is_proved_by_the_probes_that_were_hit() -> None:
    (fault,) = schedule(table("reset", share=0.5))
    seen = list(probes(BEGINS_AT_S - 5, BEGINS_AT_S + 60, {RT: (bad(fault),)}))
    spared = [
        msgspec.structs.replace(p, outcome="ok", answered_s=p.sent_s + USUAL_S) if i % 4 else p
        for i, p in enumerate(seen)
    ]
    (receipt,) = receipts((fault,), history((fault,)), spared, load_begins_at_s=BEGINS_AT_S)
    assert receipt.problems == ()
    assert receipt.healed_s == pytest.approx(BEGINS_AT_S + 20, abs=0.15)


def test_a_fault_that_was_never_requested_has_only_its_plan() -> None:
    receipt = judge(schedule(table("reset")), {RT: ()}, entries=())["reset"]
    assert said(receipt) == ("it was never requested",)
    assert receipt.requested_s is None


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (1, "it was never confirmed as set"),
        (2, "it was never ended"),
        (3, "it was never confirmed as removed"),
    ],
)
def test_a_step_that_is_missing_in_the_history_is_a_problem(steps: int, problem: str) -> None:
    faults = schedule(table("reset"))
    receipt = judge(faults, {RT: (bad(faults[0]),)}, entries=history(faults)[:steps])["reset"]
    assert problem in said(receipt)


def test_what_the_director_reported_stands_in_the_receipt() -> None:
    faults = schedule(table("reset"))
    told = HistoryEntry(t_s=511, fault="reset", what="problem", detail="the server went away")
    receipt = judge(faults, {RT: (bad(faults[0]),)}, entries=[*history(faults), told])["reset"]
    assert said(receipt) == ("the server went away",)


def test_without_a_good_probe_before_it_there_is_nothing_to_compare_with() -> None:
    receipt = one("reset", {RT: (Bad("reset", 0, BEGINS_AT_S + 20),)})
    assert said(receipt) == (
        "a-realtime had no good probe before it, so there is nothing to compare with",
    )


@given(
    st.lists(
        st.builds(
            Probe,
            proxy=st.sampled_from([RT, API, OTHER]),
            kind=st.sampled_from(["ws", "http", "connect"]),
            sent_s=st.floats(490, 540),
            outcome=st.sampled_from(["ok", "closed", "refused", "unanswered", "error"]),
            answered_s=st.none() | st.floats(540, 600),
        ),
        max_size=40,
    ),
    st.sampled_from(sorted(FAULTS)),
)
def test_whatever_the_probes_the_edges_are_in_order(seen: list[Probe], kind: str) -> None:
    faults = schedule(table(kind, on="both"))
    (receipt,) = receipts(faults, history(faults), seen, load_begins_at_s=BEGINS_AT_S)
    if receipt.first_effect_s is not None and receipt.last_effect_s is not None:
        assert receipt.requested_s is not None
        assert receipt.requested_s <= receipt.first_effect_s <= receipt.last_effect_s
    if receipt.healed_s is not None and receipt.heal_requested_s is not None:
        assert receipt.healed_s >= receipt.heal_requested_s


FLAPPING = {"kind": "flapping", "down_s": 1, "up_s": 4}
LOSS = {"kind": "loss", "loss_percent": 2, "rtt_ms": 600}


def staged(**keys: Any) -> tuple[ScheduledFault, ...]:
    common = {"name": "staged", "on": "realtime", "cohorts": ["a"], "at_s": 10, "for_s": 20}
    return schedule({**common, **keys})


def in_stages(fault: ScheduledFault, *, but: int | None = None) -> tuple[Bad, ...]:
    """The network as the stages of a fault make it; without the one of number ``but``."""
    begin_s = BEGINS_AT_S + fault.at_s + LAG_S
    ends_s = [stage.after_s for stage in fault.stages[1:]] + [fault.for_s]
    return tuple(
        Bad(fault.kind, begin_s + stage.after_s, begin_s + end_s)
        for number, (stage, end_s) in enumerate(zip(fault.stages, ends_s, strict=True))
        if stage.changes and number != but
    )


@pytest.mark.parametrize("keys", [FLAPPING, LOSS], ids=["flapping", "loss"])
def test_a_fault_that_pauses_is_proved_by_what_it_hits_between(keys: dict[str, Any]) -> None:
    faults = staged(**keys)
    receipt = judge(faults, {RT: in_stages(faults[0]), OTHER: ()})["staged"]
    assert receipt.problems == ()
    first_s = BEGINS_AT_S + 10 + faults[0].first_change_s
    assert receipt.first_effect_s == pytest.approx(first_s, abs=0.15)


@pytest.mark.parametrize("keys", [FLAPPING, LOSS], ids=["flapping", "loss"])
def test_a_fault_whose_first_bite_is_missing_bit_late(keys: dict[str, Any]) -> None:
    faults = staged(**keys)
    first = next(n for n, stage in enumerate(faults[0].stages) if stage.changes)
    (problem,) = said(judge(faults, {RT: in_stages(faults[0], but=first)})["staged"])
    assert problem.startswith("a-realtime was hit only ")


@pytest.mark.parametrize("keys", [FLAPPING, LOSS], ids=["flapping", "loss"])
def test_a_fault_that_hits_seldom_and_others_as_often_is_named(keys: dict[str, Any]) -> None:
    faults = staged(**keys)
    stages = in_stages(faults[0])
    (problem,) = said(judge(faults, {RT: stages, OTHER: stages})["staged"])
    assert problem.startswith("b-realtime was hit too (")
