"""What a tester reads, in both languages, and what a script reads."""

from __future__ import annotations

import json

import pytest

from chaos.live import Ended, FirstEffect, NothingYet, Proof, Trouble
from harness.runsettings import Text
from scenarios.chaos_pages import Pages
from scenarios.chaos_view import Language, Over, Ready, Said, Shown, State, as_json, footer, lines

PAGE = Pages(
    cohort="chrome",
    page="http://127.0.0.1:3001/?user=alice",
    api="http://127.0.0.1:3001",
    realtime="http://127.0.0.1:4001",
    not_in_page=("silence",),
)
READY = Ready(
    title=Text(en="Blocked", ko="차단"),
    by_key=True,
    faults={"cut": Text(en="It is cut.", ko="끊깁니다."), "slow": Text(en="Slow.", ko="느립니다.")},
    left_out=("asleep",),
    pages=(PAGE,),
    direct_page="http://127.0.0.1:3000/?user=zoe",
    api_key="the-key",
)
PROOF = Proof(
    t_s=23.6,
    fault="cut",
    first_effect_s=3.204,
    last_effect_s=20.99,
    healed_s=21.03,
    first_effect_after_ms=4,
    healed_after_ms=31,
    effect=Text(en="connect refused 5 of 5", ko="접속 거부 5회 중 5회"),
    problems=(),
)
UNPROVED = Proof(
    **{
        **{name: getattr(PROOF, name) for name in PROOF.__struct_fields__},
        "problems": (Text(en="no probe was hit", ko="영향을 받은 탐침이 없습니다"),),
    }
)


@pytest.mark.parametrize(
    ("shown", "language", "line"),
    [
        (FirstEffect(t_s=3.2, fault="cut", after_ms=4), "en",
            "[   3.2s] cut: first effect after 4 ms"),
        (FirstEffect(t_s=3.2, fault="cut", after_ms=4), "ko",
            "[   3.2s] cut: 4 ms 만에 첫 영향이 나타났습니다"),
        (NothingYet(t_s=9, fault="cut"), "en", "[   9.0s] cut: no effect seen yet"),
        (Ended(t_s=21, fault="cut"), "ko", "[  21.0s] cut: 꺼졌습니다"),
        (Trouble(t_s=4, fault="cut", text="no answer"), "en", "[   4.0s] cut: problem: no answer"),
        (PROOF, "en", "[  23.6s] cut: receipt: bit from 3.20 to 20.99 s, good again 31 ms after its"
            " end; connect refused 5 of 5"),
        (UNPROVED, "en", "[  23.6s] cut: NO PROOF: no probe was hit. connect refused 5 of 5"),
        (UNPROVED, "ko", "[  23.6s] cut: 입증되지 않음: 영향을 받은 탐침이 없습니다."
            " 접속 거부 5회 중 5회"),
        (Said(t_s=1, text=Text(en="hello", ko="안녕")), "ko", "[   1.0s] 안녕"),
        (Over(exit_code=0, proved=2, unproved=0), "en",
            "All is healed and stopped; faults proved: 2."),
        (Over(exit_code=3, proved=1, unproved=1), "en",
            "All is healed and stopped; 1 of 2 faults were not proved."),
    ],
)  # fmt: skip
def test_a_piece_of_news_is_a_line(shown: Shown, language: Language, line: str) -> None:
    assert lines(shown, language) == [line]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_opening_has_every_address_whole_and_every_fault_with_its_key(
    language: Language,
) -> None:
    told = [line.strip() for line in lines(READY, language)]
    assert PAGE.page in told
    assert READY.direct_page in told
    assert f"API       {PAGE.api}" in told
    assert f"Realtime  {PAGE.realtime}" in told
    assert [line[:7] for line in told if line[:3] in ("1  ", "2  ")] == ["1  cut ", "2  slow"]
    assert any("asleep" in line for line in told)
    assert any("silence" in line for line in told)


def test_the_footer_says_what_is_on_what_is_to_come_and_the_keys() -> None:
    state = State(t_s=5, by_key=True, faults={"cut": 3.4, "slow": None}, due_s={})
    assert footer(state, "en") == "1 cut ON 3 s · 2 slow off\n0 heals all · ? lists · q ends"
    timeline = State(t_s=5, by_key=False, faults={"cut": None}, due_s={"cut": 2.2})
    assert footer(timeline, "en").startswith("cut in 2 s\nEnter begins")


def test_a_script_gets_the_same_as_one_object_a_line() -> None:
    assert json.loads(as_json(READY))["pages"][0]["realtime"] == "http://127.0.0.1:4001"
    told = json.loads(as_json(PROOF))
    assert told["event"] == "receipt"
    assert told["first_effect_after_ms"] == 4
    assert "\n" not in as_json(PROOF)
