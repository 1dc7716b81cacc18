from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.catalogue import CATALOGUE
from chaos.faults.model import Change, Disable, Stage
from chaos.faults.moves import Moved
from chaos.faults.network.refused import Refused
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.relay.rules import (
    Act,
    Hang,
    Idleness,
    Lifetime,
    Page,
    Refuse,
    Rule,
    Stall,
    Strip,
    Upgrades,
)
from chaos.toxiproxy.limits import check_toxic
from chaos.toxiproxy.model import Toxic
from harness.errors import UsageError
from harness.seeds import stream

COHORTS = ("chrome", "incognito")
SEED = stream(1, "faults", "f").getrandbits(32)
"""What a fault of that name draws first."""
BASE = {"name": "f", "kind": "refused", "on": "realtime", "at_s": 10, "for_s": 5}


def parse(*tables: dict[str, Any]) -> tuple[ScheduledFault, ...]:
    return parse_faults(tables, where="x.toml", cohorts=COHORTS, seed=1)


def one(**keys: Any) -> ScheduledFault:
    table = {**BASE, **keys}
    if CATALOGUE.get(table["kind"], Refused).means == "browser":
        del table["on"]
    (fault,) = parse(table)
    return fault


NEEDED: dict[str, dict[str, Any]] = {
    "latency": {"latency_ms": 100},
    "flapping": {"down_s": 1, "up_s": 2},
    "loss": {"loss_percent": 5, "rtt_ms": 50},
    "bandwidth": {"rate_kb_per_s": 20},
    "sliced": {"average_bytes": 50},
    "cut_after": {"after_bytes": 1000},
    "slow_close": {"delay_ms": 500},
    "ttl": {"ttl_s": 2},
    "idle_cut": {"idle_s": 2},
    "slow_commit": {"commit_s": 1},
    "id_gap": {"commit_s": 1},
    "clock_skew": {"skew_s": -60},
    "server": {"defects": ["event-twice"]},
}
"""The keys that a kind must have."""


def table_of(kind: str) -> dict[str, Any]:
    """As short as it can be."""
    place = {} if CATALOGUE[kind].means in ("server", "browser") else {"on": "realtime"}
    return {"name": "f", "kind": kind, "at_s": 10, "for_s": 5, **place, **NEEDED.get(kind, {})}


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
    network = {name for name, type_ in CATALOGUE.items() if type_.means == "toxiproxy"}
    assert network == {
        *("refused", "flapping", "half_open", "loss", "black_hole", "latency"),
        *("bandwidth", "sliced", "cut_after", "slow_close", "reset"),
    }
    relayed = {name for name, type_ in CATALOGUE.items() if type_.means == "relay"}
    assert relayed == {
        *("ttl", "idle_cut", "stalled_connections", "handshake_hangs"),
        *("upgrade_refused", "upgrade_page", "upgrade_stripped"),
    }
    in_browsers = {name for name, type_ in CATALOGUE.items() if type_.means == "browser"}
    assert in_browsers == {
        *("extension", "offline", "hidden", "asleep", "frozen", "network_switch"),
        "post_repeated",
    }


def rule(act: Act, share: float = 1.0) -> tuple[Rule, ...]:
    return (Rule(name="f", act=act, share=share, seed=SEED),)


@pytest.mark.parametrize(
    ("keys", "changes"),
    [
        ({"kind": "ttl", "ttl_s": 2}, rule(Lifetime(ttl_s=2))),
        (
            {"kind": "ttl", "ttl_s": 2, "ending": "rst", "share": 0.5},
            rule(Lifetime(ttl_s=2, ending="rst"), 0.5),
        ),
        (
            {"kind": "idle_cut", "idle_s": 2, "ending": "rst"},
            rule(Idleness(idle_s=2, ending="rst")),
        ),
        ({"kind": "stalled_connections", "share": 0.25}, rule(Stall(), 0.25)),
        (
            {"kind": "handshake_hangs"},
            rule(Upgrades(outcome=Hang("answered"), cut_open=True)),
        ),
        (
            {"kind": "handshake_hangs", "at_end": "cut", "open_sockets": "kept"},
            rule(Upgrades(outcome=Hang("cut"), cut_open=False)),
        ),
        ({"kind": "upgrade_refused"}, rule(Upgrades(outcome=Refuse(403), cut_open=True))),
        (
            {"kind": "upgrade_refused", "status": 429},
            rule(Upgrades(outcome=Refuse(429), cut_open=True)),
        ),
        ({"kind": "upgrade_page"}, rule(Upgrades(outcome=Page(), cut_open=True))),
        (
            {"kind": "upgrade_stripped", "open_sockets": "kept"},
            rule(Upgrades(outcome=Strip(), cut_open=False)),
        ),
    ],
)
def test_each_kind_of_the_relay_becomes_its_rule(
    keys: dict[str, Any], changes: tuple[Change, ...]
) -> None:
    assert one(**keys).stages == (Stage(0, changes),)


BLOCK = Moved(go=("block_sockets",), back=("unblock_sockets",))
CUT = Moved(go=("cut_sockets",))


@pytest.mark.parametrize(
    ("keys", "stages"),
    [
        ({"kind": "offline"}, (Stage(0, (Moved(("go_offline",), ("go_online",)),)),)),
        ({"kind": "hidden"}, (Stage(0, (Moved(("hide",), ("show",)),)),)),
        ({"kind": "asleep"}, (Stage(0, (Moved(("close_lid",), ("open_lid",)),)),)),
        ({"kind": "frozen"}, (Stage(0, (Moved(("hide", "freeze"), ("show",)),)),)),
        ({"kind": "network_switch"}, (Stage(0, (Moved(("go_offline",), ("switch_network",)),)),)),
        ({"kind": "post_repeated"}, (Stage(0, (Moved(("break_posts",), ("spare_posts",)),)),)),
        ({"kind": "extension"}, (Stage(0, (BLOCK, CUT)),)),
        ({"kind": "extension", "mode": "blocks"}, (Stage(0, (BLOCK,)),)),
        ({"kind": "extension", "after_s": 2}, (Stage(0, (BLOCK,)), Stage(2, (BLOCK, CUT)))),
        (
            {"kind": "extension", "mode": "closes", "after_s": 2},
            (Stage(0, ()), Stage(2, (CUT,)), Stage(3, ()), Stage(4, (CUT,))),
        ),
    ],
)
def test_each_kind_in_the_browser_becomes_acts_of_its_users(
    keys: dict[str, Any], stages: tuple[Stage, ...]
) -> None:
    assert one(**keys).stages == stages
    assert one(**keys).proxies == ()


def test_a_share_in_browsers_is_one_of_users() -> None:
    sentence = one(kind="asleep", share=0.3).summary.sentence
    assert sentence.en.endswith(" 30% of the users, picked by the seed.")
    assert sentence.ko.endswith(" 시드로 뽑힌 사용자 30%가 겪습니다.")


def test_which_connections_a_share_hits_follows_from_the_scenario_s_seed_and_the_fault() -> None:
    def seeds(seed: int) -> list[int]:
        tables = [{**BASE, "kind": "stalled_connections", "name": name} for name in ("f", "g")]
        faults = parse_faults(tables, where="x.toml", cohorts=COHORTS, seed=seed)
        rules = [change for fault in faults for change in fault.stages[0].changes]
        return [change.seed for change in rules if isinstance(change, Rule)]

    assert seeds(1) == seeds(1)
    assert len({*seeds(1), *seeds(2)}) == 4


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


@pytest.mark.parametrize(
    ("keys", "refuses", "spares"),
    [
        ({"mode": "blocks"}, True, True),
        ({"mode": "closes", "after_s": 2}, False, False),
        ({"mode": "both"}, True, False),
    ],
)
def test_an_extension_says_what_it_does_to_new_and_to_open_sockets(
    keys: dict[str, Any], refuses: bool, spares: bool
) -> None:
    sentence = one(kind="extension", **keys).fault.sentence()
    assert ("refuses" in sentence.en, "거부" in sentence.ko) == (refuses, refuses)
    assert ("left alone" in sentence.en, "그대로" in sentence.ko) == (spares, spares)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_kind_has_a_sentence_in_both_languages(kind: str) -> None:
    (fault,) = parse(table_of(kind))
    sentence = fault.summary.sentence
    assert sentence.en.endswith(".")
    assert sentence.ko.endswith("다.")


@pytest.mark.parametrize("open_sockets", ["cut", "kept"])
@pytest.mark.parametrize("at_end", ["answered", "cut"])
def test_a_hanging_handshake_says_what_becomes_of_whom(open_sockets: str, at_end: str) -> None:
    sentence = one(
        kind="handshake_hangs", open_sockets=open_sockets, at_end=at_end
    ).fault.sentence()
    assert ("go on" in sentence.en, "유지" in sentence.ko) == (open_sockets == "kept",) * 2
    assert "cut when it ends" in sentence.en or at_end == "answered"
    assert "끝날 때 끊깁니다" in sentence.ko or at_end == "answered"


_KINDS = ", ".join(sorted(CATALOGUE))
_KEYS = "at_s, cohorts, every_s, for_s, jitter_s, kind, name, on, phase, share, times"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"kind": "xx"}, f"x.toml: faults[0].kind: unknown kind 'xx'; allowed: {_KINDS}"),
        (
            {"kind": "latencie"},
            "x.toml: faults[0].kind: unknown kind 'latencie'; did you mean latency?",
        ),
        ({"kind": 3}, f"x.toml: faults[0].kind: unknown kind 3; allowed: {_KINDS}"),
        (
            {"latency_ms": 5},
            f"x.toml: faults[0]: unknown key 'latency_ms'; allowed: {_KEYS}",
        ),
        (
            {"kind": "extension", "mode": "sometimes"},
            "x.toml: faults[0].mode: 'sometimes' is not allowed; allowed: blocks, closes or both",
        ),
        (
            {"kind": "extension", "mode": "closes"},
            "x.toml: faults[0]: mode closes needs after_s, from 0.5 seconds on",
        ),
        (
            {"kind": "extension", "mode": "blocks", "after_s": 1},
            "x.toml: faults[0]: mode blocks closes nothing, so after_s has no effect; leave it out",
        ),
        (
            {"kind": "extension", "after_s": 5},
            "x.toml: faults[0]: for_s = 5 is over before after_s = 5",
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
        *(
            (
                {"kind": kind, "on": "both"},
                "x.toml: faults[0].on: 'both' is not allowed;"
                " allowed: realtime, where the WebSockets are",
            )
            for kind in ("handshake_hangs", "upgrade_refused", "upgrade_page", "upgrade_stripped")
        ),
        (
            {"kind": "upgrade_refused", "status": 200},
            "x.toml: faults[0].status: 200 is not allowed; allowed: an HTTP status from 400 to 599",
        ),
        (
            {"kind": "upgrade_page", "open_sockets": "closed"},
            "x.toml: faults[0].open_sockets: 'closed' is not allowed; allowed: cut (they are closed"
            " when it begins) or kept (they live on)",
        ),
        (
            {"kind": "handshake_hangs", "at_end": "left"},
            "x.toml: faults[0].at_end: 'left' is not allowed; allowed: answered or cut, for the"
            " handshakes that hang at its end",
        ),
        (
            {"kind": "ttl", "ttl_s": 5},
            "x.toml: faults[0]: ttl_s = 5 is never reached within for_s = 5",
        ),
        (
            {"kind": "ttl", "ttl_s": 0.1},
            "x.toml: faults[0].ttl_s: 0.1 is not allowed;"
            " allowed: seconds from 0.5, less than for_s",
        ),
        (
            {"kind": "ttl", "ttl_s": 2, "ending": "close"},
            "x.toml: faults[0].ending: 'close' is not allowed; allowed: fin or rst",
        ),
        (
            {"kind": "idle_cut", "idle_s": 60},
            "x.toml: faults[0]: idle_s = 60 is never reached within for_s = 5",
        ),
        (
            {"kind": "idle_cut"},
            "x.toml: faults[0].idle_s: missing; allowed: seconds from 0.5 to 300, less than for_s",
        ),
        (
            {"at_s": -1},
            "x.toml: faults[0].at_s: -1 is not allowed;"
            " allowed: seconds after the load or its phase begins, 0 to 86400",
        ),
        (
            {"at_s": float("nan")},
            "x.toml: faults[0].at_s: nan is not allowed;"
            " allowed: seconds after the load or its phase begins, 0 to 86400",
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
