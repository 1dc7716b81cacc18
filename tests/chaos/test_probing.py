from __future__ import annotations

from typing import Any

from chaos.canary import CanarySettings
from chaos.faults.parse import parse_faults
from chaos.probing import canary_for


def settings(*tables: dict[str, Any]) -> CanarySettings:
    base = {"on": "both", "at_s": 1, "for_s": 1}
    named = [{**base, "name": f"f{number}", **table} for number, table in enumerate(tables)]
    faults = parse_faults(named, where="x.toml", cohorts=("a",), seed=1)
    return canary_for(faults, api_key="key")


def test_without_faults_that_need_them_there_are_no_costly_probes() -> None:
    assert settings({"kind": "refused"}) == CanarySettings(api_key="key")


def test_a_slow_close_asks_for_goodbyes() -> None:
    assert settings({"kind": "slow_close", "delay_ms": 500}).farewells


def test_the_bulk_is_enough_for_the_widest_line_and_the_latest_cut() -> None:
    narrow = {"kind": "bandwidth", "rate_kb_per_s": 10}
    cut = {"kind": "cut_after", "after_bytes": 9_000}
    assert settings(narrow).bulk_bytes == 4_000
    assert settings(narrow, cut, {"kind": "reset"}).bulk_bytes == 9_000


def test_a_share_is_watched_over_several_connections() -> None:
    assert settings({"kind": "reset", "share": 0.5}).links > 1
