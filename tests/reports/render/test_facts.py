"""The first screen says what happened to the users."""

from __future__ import annotations

from dataclasses import replace

from reports.model import Audit, Metrics
from reports.render.facts import MOST_FACTS, facts, headline, reasons
from reports.texts import load_texts
from tests.support.sample_audit import empty_audit, sample_audit

EN, KO = load_texts("en"), load_texts("ko")


def _told(audit: Audit) -> list[str]:
    return [f"{EN.say(fact.number)} {EN.say(fact.said)}" for fact in facts(audit)]


def test_each_verdict_has_its_sentence() -> None:
    assert EN.say(headline(sample_audit("pass"))) == "The chat kept all 5 limits."
    assert EN.say(headline(sample_audit("fail"))) == "The chat broke 1 of its 5 limits."
    assert EN.say(headline(sample_audit("invalid"))).startswith("This run says nothing")
    assert KO.say(headline(sample_audit("fail"))) == (
        "채팅이 기준 5개 가운데 1개를 지키지 못했습니다."
    )


def test_a_run_with_a_sound_rig_and_an_unclear_gate_says_how_many_are_unclear() -> None:
    audit = sample_audit("invalid")
    verdict = audit.verdict
    sound = type(verdict)(verdict="invalid", reasons=verdict.reasons, gates=verdict.gates, rig=())
    said = EN.say(headline(replace(audit, verdict=sound)))
    assert said == "This run cannot tell: 1 of 5 limits could not be judged."


def test_a_pass_needs_no_reasons_and_a_fail_names_the_broken_limit() -> None:
    assert reasons(sample_audit("pass")) == ()
    (why,) = reasons(sample_audit("fail"))
    assert EN.say(why) == (
        "Deliveries that never reached a screen: 3. Allowed: at most 0 (whole run, everybody)."
    )


def test_an_invalid_run_names_what_was_wrong_with_the_rig() -> None:
    (why,) = reasons(sample_audit("invalid"))
    assert EN.say(why).startswith("The load generator had too little CPU: load-0: timers late")


def test_the_facts_tell_fault_standstill_polling_losses_and_timeouts() -> None:
    told = _told(sample_audit("fail"))
    assert told[0].startswith("15.2 s is how long the fault lasted, for 50 of 50 users.")
    assert told[1].startswith("8.1 s is how long the typical user's chat stood still.")
    assert told[2].startswith("9.8 s is how long backup polling carried the chat")
    assert told[3] == "3 of 2,310 message deliveries were lost; shown twice: 0."
    assert told[4] == "0 of 192 attempts to send a message ran into the time limit."
    assert len(told) == MOST_FACTS


def test_losses_are_bad_and_their_absence_is_good() -> None:
    assert [fact.tone for fact in facts(sample_audit("fail"))][3] == "bad"
    assert [fact.tone for fact in facts(sample_audit("pass"))][3] == "good"


def test_no_figure_of_a_run_with_an_unsound_rig_looks_good() -> None:
    assert {fact.tone for fact in facts(sample_audit("invalid"))} == {"plain"}


def test_figures_that_are_missing_leave_no_fact() -> None:
    assert _told(empty_audit()) == [
        "– A planned fault was not measured. "
        "The live connection is refused: nobody gets a WebSocket."
    ]
    bare = replace(sample_audit(), metrics=Metrics(windows=(), cells=()), receipts=())
    assert facts(bare) == ()


def test_a_percentile_beyond_the_measured_is_told_as_longer() -> None:
    audit = replace(sample_audit(), receipts=())
    assert "> 9.8 s is the time within which 99% of deliveries" in _told(audit)[-1]
