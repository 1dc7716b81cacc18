"""The table of docs/faults.md says of any two faults whether they go together; so does the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chaos.faults.catalogue import CATALOGUE
from chaos.faults.parse import parse_faults
from chaos.overlap import conflict

DOC = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
_SECTION = DOC[DOC.index("### Two faults on one proxy") : DOC.index("## Receipts")]
_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in _SECTION.splitlines()
    if line.startswith("| ") and "---" not in line
]
GROUP = {kind: row[0] for row in _ROWS if len(row) == 3 for kind in re.findall(r"`(\w+)`", row[1])}
RULES = {(row[0], row[1]): (row[2], row[3]) for row in _ROWS if len(row) == 4}

KEYS: dict[str, dict[str, Any]] = {
    "latency": {"latency_ms": 100},
    "flapping": {"down_s": 1, "up_s": 2},
    "loss": {"loss_percent": 20, "rtt_ms": 50},
    "bandwidth": {"rate_kb_per_s": 20},
    "sliced": {"average_bytes": 50},
    "cut_after": {"after_bytes": 1000, "direction": "both"},
    "slow_close": {"delay_ms": 500},
}


def reason(first: dict[str, Any], second: dict[str, Any]) -> str:
    base = {"on": "realtime", "cohorts": ["a"]}
    tables = [
        {**base, **KEYS.get(table["kind"], {}), "name": name, **table}
        for name, table in (("first", first), ("second", second))
    ]
    one, other = parse_faults(tables, where="x.toml", cohorts=("a", "b"), seed=1)
    return conflict(one, other)


def within(first: str, second: str, **keys: Any) -> str:
    inner = {"kind": second, "at_s": 5, "for_s": 20, **keys}
    return reason({"kind": first, "at_s": 0, "for_s": 40}, inner)


def outlasting(first: str, second: str) -> str:
    late = {"kind": second, "at_s": 5, "for_s": 40}
    return reason({"kind": first, "at_s": 0, "for_s": 40}, late)


def test_every_kind_that_toxiproxy_plays_is_in_a_group() -> None:
    assert set(GROUP) == {k for k, type_ in CATALOGUE.items() if type_.means == "toxiproxy"}


@pytest.mark.parametrize("first", GROUP)
@pytest.mark.parametrize("second", GROUP)
def test_two_faults_go_together_as_the_table_says(first: str, second: str) -> None:
    if first == second:
        assert "of one kind" in within(first, second)
        return
    rule = RULES.get((GROUP[first], "any")) or RULES[GROUP[first], GROUP[second]]
    found = within(first, second), outlasting(first, second)
    assert tuple("refused" if each else "composes" for each in found) == rule


def test_what_holds_data_back_must_be_strictly_inside() -> None:
    outer = {"kind": "latency", "at_s": 5, "for_s": 20}
    for at_s, for_s in ((5, 10), (10, 15)):
        inner = {"kind": "half_open", "at_s": at_s, "for_s": for_s}
        assert "has to begin after 'first' and to end before it" in reason(outer, inner)


def test_a_line_may_be_slower_in_one_direction_than_in_the_other() -> None:
    up = {"kind": "latency", "at_s": 5, "for_s": 20, "direction": "upstream"}
    assert reason(up, {**up, "direction": "downstream", "latency_ms": 400}) == ""
    assert "of one kind" in reason(up, {**up, "direction": "both"})


def test_nothing_is_added_after_a_share_that_it_would_draw_anew() -> None:
    some = {"kind": "latency", "at_s": 5, "for_s": 20, "share": 0.5}
    late = {"kind": "slow_close", "at_s": 10, "for_s": 5}
    early = {"kind": "slow_close", "at_s": 0, "for_s": 40}
    assert "picks the share of 'first' anew" in reason(some, late)
    assert reason(early, some) == ""


def test_faults_on_other_proxies_or_at_other_times_never_meet() -> None:
    first = {"kind": "half_open", "at_s": 0, "for_s": 10}
    assert reason(first, {"kind": "reset", "at_s": 5, "for_s": 10, "cohorts": ["b"]}) == ""
    assert reason(first, {"kind": "reset", "at_s": 5, "for_s": 10, "on": "api"}) == ""
    assert reason(first, {"kind": "reset", "at_s": 10, "for_s": 10}) == ""
