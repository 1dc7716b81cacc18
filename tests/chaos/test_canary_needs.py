from __future__ import annotations

from typing import Any

from chaos.canary import CanarySettings
from chaos.canary_needs import SILENT_MARGIN_S, canary_settings
from chaos.faults.parse import parse_faults


def settings(*tables: dict[str, Any]) -> CanarySettings:
    common = {"on": "realtime", "cohorts": ["a"], "at_s": 1, "for_s": 50}
    named = [{**common, "name": f"f{number}", **table} for number, table in enumerate(tables)]
    faults = parse_faults(named, where="x.toml", cohorts=("a", "b"), seed=1)
    return canary_settings(faults, "key")


def test_ordinary_faults_need_nothing_beyond_the_ordinary_probes() -> None:
    assert settings({"kind": "refused"}) == CanarySettings(api_key="key")


def test_a_share_needs_several_kept_connections() -> None:
    assert settings({"kind": "half_open", "share": 0.5}).links == 6


def test_a_fault_of_the_handshake_needs_websockets_that_are_opened_anew() -> None:
    assert settings({"kind": "upgrade_page"}).handshake_period_s is not None


def test_a_cut_of_the_idle_needs_connections_on_its_proxies_that_are_silent_for_longer() -> None:
    needed = settings(
        {"kind": "idle_cut", "idle_s": 3, "on": "both"}, {"kind": "idle_cut", "idle_s": 7}
    )
    assert needed.silent_s == {
        "a-api": 3 + SILENT_MARGIN_S,
        "a-realtime": 7 + SILENT_MARGIN_S,
    }
    assert needed.silent_period_s < SILENT_MARGIN_S


def test_a_slow_close_asks_for_goodbyes() -> None:
    assert settings({"kind": "slow_close", "delay_ms": 500}).farewells


def test_the_bulk_is_enough_for_the_widest_line_and_the_latest_cut() -> None:
    narrow = {"kind": "bandwidth", "rate_kb_per_s": 10}
    cut = {"kind": "cut_after", "after_bytes": 9_000}
    assert settings(narrow).bulk_bytes == 4_000
    assert settings(narrow, cut, {"kind": "reset"}).bulk_bytes == 9_000
