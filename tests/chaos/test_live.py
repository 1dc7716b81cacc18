"""What is told of a fault while it is played, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from chaos.canary_needs import LONGEST_LIVE_WAIT_S, canary_settings, told_soon
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import SERVER_REALTIME, ScheduledFault
from chaos.history import HistoryEntry
from chaos.live import Began, Ended, FirstEffect, LiveReceipts, News, NothingYet, Proof, Trouble
from harness.receipts import Probe
from tests.support.simulated_canary import Bad, probes

ZERO_S = 500.0
LAG_S = 0.02
LOOK_S = 0.25


def fault(name: str, kind: str, at_s: float, for_s: float, **more: Any) -> ScheduledFault:
    table = {"on": "realtime", "cohorts": ["a"], **more}
    table |= {"name": name, "kind": kind, "at_s": at_s, "for_s": for_s}
    (found,) = parse_faults([table], where="x", cohorts=("a", "b"), seed=1)
    return found


def steps(one: ScheduledFault) -> list[HistoryEntry]:
    begin_s, end_s = ZERO_S + one.at_s, ZERO_S + one.end_s
    return [
        HistoryEntry(t_s=begin_s, fault=one.name, what="requested"),
        HistoryEntry(t_s=begin_s + LAG_S, fault=one.name, what="applied"),
        HistoryEntry(t_s=end_s, fault=one.name, what="heal_requested"),
        HistoryEntry(t_s=end_s + LAG_S, fault=one.name, what="heal_applied"),
    ]


@dataclass(frozen=True)
class Told:
    """One piece of news with the moment at which it came."""

    at_s: float
    news: News


def live(
    faults: Sequence[ScheduledFault],
    bad: dict[str, tuple[Bad, ...]],
    *,
    until_s: float,
    history: Iterable[HistoryEntry] | None = None,
) -> list[Told]:
    """Everything that is told of a simulated evening, looked at four times a second."""
    everywhere = {proxy: bad.get(proxy, ()) for proxy in ("a-api", "a-realtime", "b-realtime")}
    events: list[tuple[float, Probe | HistoryEntry]] = [
        (max(probe.answered_s or probe.sent_s, probe.sent_s), probe)
        for probe in probes(ZERO_S - 5, ZERO_S + until_s, everywhere)
    ]
    entries = [step for one in faults for step in steps(one)] if history is None else history
    events += [(entry.t_s, entry) for entry in entries if entry.t_s < ZERO_S + until_s]
    events.sort(key=lambda event: event[0])
    live = LiveReceipts(zero_s=ZERO_S, wait_s=5)
    live.expect(faults)
    told: list[Told] = []
    look_s = ZERO_S
    for at_s, event in events:
        while look_s < at_s:
            told += [Told(round(look_s - ZERO_S, 3), each) for each in live.news(look_s)]
            look_s += LOOK_S
        live.probed(event) if isinstance(event, Probe) else live.happened(event)
    return told


def bad_while(one: ScheduledFault, **more: float) -> Bad:
    return Bad(one.kind, ZERO_S + one.at_s + 0.01, ZERO_S + one.end_s + 0.01, **more)


SHUT = fault("shut", "refused", 10, 8)


def test_a_fault_is_told_step_by_step_and_proved_when_it_is_sure_that_it_healed() -> None:
    told = live([SHUT], {"a-realtime": (bad_while(SHUT),)}, until_s=30)

    assert [type(each.news) for each in told] == [Began, FirstEffect, Ended, Proof]
    began, first, ended, proof = told
    assert began.at_s <= 10.5
    assert first.at_s <= 10.5
    assert isinstance(first.news, FirstEffect)
    assert 0 <= first.news.after_ms <= 100
    assert ended.at_s <= 18.5
    assert 20 <= proof.at_s <= 21.5
    assert isinstance(proof.news, Proof)
    assert proof.news.problems == ()
    assert proof.news.first_effect_s == pytest.approx(10, abs=0.1)
    assert proof.news.last_effect_s == pytest.approx(18, abs=0.1)
    assert proof.news.healed_after_ms == pytest.approx(0, abs=100)
    assert "connect refused" in proof.news.effect.en


def test_a_fault_that_does_not_bite_is_told_as_such_and_is_no_proof() -> None:
    told = [each.news for each in live([SHUT], {}, until_s=40)]

    assert [type(each) for each in told] == [Began, NothingYet, Ended, Proof]
    assert isinstance(told[3], Proof)
    assert "no probe through a-realtime was hit" in [each.en for each in told[3].problems]


def test_a_fault_that_bites_now_and_then_is_not_missed_before_it_is_due() -> None:
    ttl = fault("ttl", "ttl", 10, 60, ttl_s=20)
    told = [type(each.news) for each in live([ttl], {}, until_s=32)]
    assert told == [Began]


def test_a_proxy_that_stays_broken_is_no_proof_and_is_not_waited_for_for_ever() -> None:
    for_good = Bad("refused", ZERO_S + 10, ZERO_S + 90)
    told = live([SHUT], {"a-realtime": (for_good,)}, until_s=40)

    proof = told[-1].news
    assert isinstance(proof, Proof)
    assert told[-1].at_s <= 28
    assert "a-realtime was never good again" in [each.en for each in proof.problems]


def test_a_healing_that_another_fault_hides_waits_for_the_end_of_that() -> None:
    silent = fault("silent", "half_open", 10, 8)
    cut = fault("cut", "reset", 15, 25)
    bad = (bad_while(cut), bad_while(silent))
    told = [each.news for each in live([silent, cut], {"a-realtime": bad}, until_s=50)]

    proofs = [each for each in told if isinstance(each, Proof)]
    assert [each.fault for each in proofs] == ["silent", "cut"]
    assert proofs[0].problems == ()
    assert proofs[0].t_s >= 40


def test_a_fault_that_comes_again_has_a_receipt_of_its_own() -> None:
    again = msgspec.structs.replace(SHUT, name="shut#2", at_s=40.0)
    bad = (bad_while(SHUT), bad_while(again))
    told = [each.news for each in live([SHUT, again], {"a-realtime": bad}, until_s=60)]
    proofs = {each.fault: each for each in told if isinstance(each, Proof)}
    assert set(proofs) == {"shut", "shut#2"}
    assert all(not each.problems for each in proofs.values())


def test_a_fault_in_the_chat_is_proved_when_the_probes_that_hung_on_are_told() -> None:
    (mute,) = parse_faults(
        [{"name": "mute", "kind": "mute", "at_s": 10, "for_s": 8}],
        where="x",
        cohorts=("a",),
        seed=1,
    )
    receipts = LiveReceipts(zero_s=ZERO_S, wait_s=5)
    receipts.expect([mute])
    for step in steps(mute):
        receipts.happened(step)
    for number in range(200):
        sent_s = ZERO_S + number * 0.2
        hit = 10 <= number * 0.2 < 18
        receipts.probed(
            Probe(
                proxy=SERVER_REALTIME,
                kind="row",
                sent_s=sent_s,
                outcome="unanswered" if hit else "ok",
                answered_s=None if hit else sent_s + 0.1,
            )
        )
    assert Proof not in map(type, receipts.news(ZERO_S + 22.9))
    (proof,) = receipts.news(ZERO_S + 23.6)
    assert isinstance(proof, Proof)
    assert proof.problems == ()


def test_what_no_receipt_needs_is_forgotten() -> None:
    """After an hour without faults only the last minute is kept, and the next fault is proved."""
    late = fault("late", "refused", 3000, 5)
    receipts = LiveReceipts(zero_s=ZERO_S, wait_s=5)
    told = live([SHUT, late], {"a-realtime": (bad_while(SHUT), bad_while(late))}, until_s=3020)
    proofs = [each.news for each in told if isinstance(each.news, Proof)]
    assert [(each.fault, each.problems) for each in proofs] == [("shut", ()), ("late", ())]

    for number in range(3600):
        sent_s = ZERO_S + number
        receipts.probed(Probe(proxy="a-api", kind="http", sent_s=sent_s, outcome="ok"))
        receipts.news(sent_s)
    assert len(receipts._probes) <= 61


def test_what_a_part_of_the_rig_could_not_do_is_told_at_once() -> None:
    entries = [
        HistoryEntry(t_s=ZERO_S + 10, fault="shut", what="requested"),
        HistoryEntry(t_s=ZERO_S + 11, fault="shut", what="problem", detail="no answer"),
    ]
    told = live([SHUT], {}, until_s=20, history=entries)
    assert [each.news for each in told] == [Trouble(t_s=11.0, fault="shut", text="no answer")]


@pytest.mark.parametrize(
    ("kind", "more", "wait_s"),
    [("half_open", {}, 3.0), ("latency", {"latency_ms": 3000}, 8.0), ("refused", {}, 2.0)],
)
def test_a_hanging_probe_is_told_soon_but_not_before_its_delay_is_over(
    kind: str, more: dict[str, Any], wait_s: float
) -> None:
    faults = [fault("x", kind, 0, 60, **more)]
    settings = told_soon(canary_settings(faults, "key"), faults)
    assert settings.answer_timeout_s == pytest.approx(wait_s)


def test_nobody_waits_for_a_probe_for_ever() -> None:
    faults = [fault("x", "latency", 0, 60, latency_ms=60_000)]
    settings = told_soon(canary_settings(faults, "key"), faults)
    assert settings.answer_timeout_s == LONGEST_LIVE_WAIT_S
