from __future__ import annotations

from typing import Any

import msgspec
import pytest

from chaos.explain import Order, explain
from chaos.faults.model import Stage
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.timeline import plan


def faults(*tables: dict[str, Any]) -> tuple[ScheduledFault, ...]:
    return parse_faults(
        [{"on": "realtime", "cohorts": ["a"], **table} for table in tables],
        where="x.toml",
        cohorts=("a", "b"),
        seed=1,
    )


def told(*tables: dict[str, Any]) -> list[tuple[float, str, str, list[str]]]:
    return [
        (each.at_s, each.what, each.fault, [order.words for order in each.orders])
        for each in explain(faults(*tables))
    ]


SHUT = {"name": "shut", "kind": "refused", "at_s": 1, "for_s": 2}
SLOW = {"name": "slow", "kind": "latency", "at_s": 2, "for_s": 9, "latency_ms": 400}


def test_it_follows_the_plan_of_the_director() -> None:
    found = faults(SHUT, {**SLOW, "cohorts": ["b"], "ramp_s": 4})
    assert [(each.at_s, each.what, each.fault) for each in explain(found)] == [
        (action.at_s, action.what, action.fault.name) for action in plan(found)
    ]


def test_switching_a_proxy_off_and_on_is_said_for_its_proxies() -> None:
    assert explain(faults(SHUT))[0].orders == (
        Order("toxiproxy", ("a-realtime",), "disable the proxy"),
    )
    assert told(SHUT)[1] == (3, "end", "shut", ["enable the proxy"])


def test_toxics_that_differ_in_their_streams_only_share_a_line() -> None:
    assert told({**SLOW, "share": 0.5}) == [
        (2, "begin", "slow", ["add latency, both ways: latency=400 jitter=0 toxicity=0.5"]),
        (11, "end", "slow", ["remove latency, both ways"]),
    ]
    assert told({**SLOW, "direction": "upstream"})[0][3] == [
        "add latency, upstream: latency=400 jitter=0"
    ]


def test_a_ramp_updates_what_is_there() -> None:
    assert told({**SLOW, "ramp_s": 4, "ramp_steps": 2})[1] == (
        4,
        "change",
        "slow",
        ["update latency, both ways: latency=400 jitter=0"],
    )


@pytest.mark.parametrize(
    ("fault", "begins", "ends"),
    [
        (
            {"kind": "idle_cut", "on": "realtime", "idle_s": 2, "share": 0.5},
            "add rule idleness: idle_s=2.0 ending=fin share=0.5",
            "remove rule idleness",
        ),
        (
            {"kind": "upgrade_refused", "on": "realtime"},
            "add rule upgrades: outcome=refuse status=403 cut_open=True",
            "remove rule upgrades",
        ),
        (
            {"kind": "stalled_connections", "on": "realtime"},
            "add rule stall",
            "remove rule stall",
        ),
        (
            {"kind": "error_burst"},
            "turn strike_all=error-burst; plant error-burst",
            "turn back strike_all; take out error-burst",
        ),
        ({"kind": "restart"}, "stop the process", "start it again"),
    ],
)
def test_the_relay_and_the_server_are_told_in_their_own_words(
    fault: dict[str, Any], begins: str, ends: str
) -> None:
    table = {"name": "f", "at_s": 1, "for_s": 9, **fault}
    found = explain(parse_faults([table], where="x.toml", cohorts=("a",), seed=1))
    first, *_, last = ([order.words for order in each.orders] for each in found)
    assert (first, last) == ([begins], [ends])


def test_what_users_are_to_do_is_said_in_their_acts() -> None:
    table = {"kind": "extension", "cohorts": ["chrome"], "at_s": 3, "for_s": 4}
    (fault,) = parse_faults(
        [{"name": "x", **table}], where="x.toml", cohorts=("chrome", "other"), seed=1
    )
    told = [
        (moment.at_s, order.means, order.where, order.words)
        for moment in explain([fault])
        for order in moment.orders
    ]
    assert told == [
        (3, "browser", ("chrome",), "block_sockets"),
        (3, "browser", ("chrome",), "cut_sockets"),
        (7, "browser", ("chrome",), "unblock_sockets"),
    ]


def test_a_pause_takes_the_changes_back() -> None:
    (slow,) = faults(SLOW)
    flapping = msgspec.structs.replace(slow, stages=(*slow.stages, Stage(3, ())))
    assert [[order.words for order in each.orders] for each in explain([flapping])[1:]] == [
        ["remove latency, both ways"],
        [],
    ]
