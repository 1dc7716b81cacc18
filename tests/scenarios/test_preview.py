"""``--dry-run``: what a scenario would do, worked out, drawn and told."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from scenarios.model import Scenario, library_names, load_scenario, scenario_from, to_toml
from scenarios.preview import preview
from scenarios.preview_chart import chart, label_width
from scenarios.preview_view import print_preview
from tests.support.timelines import PHASES, scenario

CUT = {"name": "cut", "at_s": 5, "for_s": 5, "kind": "refused"}
SLOW = {"name": "slow", "at_s": 0, "for_s": 35, "kind": "latency", "latency_ms": 800}


def printed(found: Scenario, width: int = 80, language: Any = "en") -> str:
    out = io.StringIO()
    print_preview(preview(found), Console(file=out, width=width), language)
    return out.getvalue()


def drawn(found: Scenario, columns: int) -> dict[str, str]:
    shown = preview(found)
    lines = chart(shown, label_width(shown) + columns)
    return {line.label.strip(): line.cells for line in lines}


def test_the_stretches_make_up_the_duration() -> None:
    found = preview(load_scenario("ws-blocked"))
    assert (found.spawn_s, found.warmup_s, found.load_s, found.settle_s) == (2, 3, 35, 5)
    assert found.spawn_s + found.warmup_s + found.load_s + found.settle_s == found.duration_s


def test_the_users_of_the_cohorts_are_all_there_are() -> None:
    found = preview(load_scenario("four-policies"))
    assert [cohort.users for cohort in found.cohorts] == [20, 20, 20, 20]


def test_the_load_is_what_all_rooms_want_to_write() -> None:
    found = preview(load_scenario("ws-blocked"))  # two rooms, one message a second in each
    assert set(found.messages_per_s) == {2.0}
    assert found.messages == 2 * 35


@pytest.mark.parametrize(
    ("sets", "messages"),
    [
        (("load.arrivals=recorded", "load.recorded_s=[0, 1, 34.9, 50]"), 2 * 3),
        (("load.arrivals=ramp", "load.peak_messages_per_s_per_room=4"), 2 * 35 * 2.5),
        (("load.arrivals=diurnal", "load.peak_messages_per_s_per_room=4"), 2 * 35 * 2.5),
        (
            (
                "load.arrivals=bursts",
                "load.burst_every_s=10",
                "load.burst_lasts_s=2",
                "load.burst_messages=4",
            ),
            2 * (35 * 1 + 3 * 4),
        ),
    ],
    ids=["recorded", "ramp", "diurnal", "bursts"],
)
def test_the_messages_of_every_shape_add_up(sets: tuple[str, ...], messages: float) -> None:
    found = preview(load_scenario("ws-blocked", sets=sets))
    assert found.messages == pytest.approx(messages, rel=0.02)


def test_a_bar_covers_the_columns_of_its_time() -> None:
    cells = drawn(scenario(CUT), 35)["cut"]
    assert cells == " " * 5 + "█" * 5 + " " * 25


def test_the_occurrences_of_a_fault_share_a_line() -> None:
    cells = drawn(scenario({**CUT, "for_s": 2, "every_s": 10}), 35)["cut"]
    assert cells == "     ██        ██        ██        "


def test_a_bar_shorter_than_a_column_is_still_seen() -> None:
    assert drawn(scenario({**CUT, "for_s": 0.1}), 20)["cut"].count("█") == 1


def test_a_ramp_rises_in_its_bar() -> None:
    cells = drawn(scenario({**SLOW, "ramp_s": 28, "ramp_steps": 4}), 35)["slow"]
    assert cells == "▂" * 7 + "▄" * 7 + "▆" * 7 + "█" * 14


def test_a_share_is_drawn_otherwise_and_explained() -> None:
    lines = drawn(scenario({**CUT, "kind": "reset", "share": 0.5}), 35)
    assert lines["cut"].strip() == "▒" * 5
    assert "▒ a share of the connections or users" in lines


def test_a_place_names_its_cohorts_and_sides() -> None:
    found = load_scenario("slow-send")
    assert "slow: API" in drawn(found, 40)
    assert "everybody: Realtime" in drawn(load_scenario("ws-blocked"), 40)


def test_phases_are_drawn_over_their_time() -> None:
    assert drawn(scenario(phases=PHASES), 35)["phases"] == (
        "├─ calm ─┤├───── storm ──────┤" + " " * 5
    )


def test_the_axis_counts_the_seconds_of_the_load() -> None:
    cells = drawn(load_scenario("ws-blocked"), 70)["seconds of the load"]
    assert [(cells.index(f"{s}"), s) for s in (10, 20, 30)] == [(20, 10), (40, 20), (60, 30)]


def test_what_the_docs_show_is_what_their_example_comes_to() -> None:
    text = Path("docs/scenarios.md").read_text("utf-8").partition("### Time")[2]
    example = tomllib.loads(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0])
    shown = re.findall(r"```console\n(.*?)```", text, re.DOTALL)[0]
    around = tomllib.loads(to_toml(load_scenario("steady")))
    found = scenario_from(around | example, where="docs/scenarios.md")
    real = [line.rstrip() for line in printed(found).splitlines()]
    told = shown.splitlines()[1:]  # after the command
    assert [line for line in told if line not in ("…", *real)] == []
    assert len(told) > 30


_bar = st.tuples(st.floats(0, 34), st.floats(0.01, 35))


@settings(deadline=None)
@given(bars=st.lists(_bar, max_size=4), width=st.integers(50, 130))
def test_no_line_of_the_chart_is_longer_than_asked(
    bars: list[tuple[float, float]], width: int
) -> None:
    faults = [
        {
            "name": f"a-fault-with-a-long-name-{i}",
            "kind": "half_open",
            "cohorts": ["chrome"],
            "at_s": i * 8 + min(at_s, 8) / 2,
            "for_s": min(for_s, 3),
        }
        for i, (at_s, for_s) in enumerate(bars)
    ]
    shown = preview(scenario(*faults, phases=PHASES))
    for line in chart(shown, width):
        if line.what not in ("place", "legend"):
            assert len(line.cells) == width - label_width(shown)


@pytest.mark.parametrize("name", library_names())
@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(name: str, width: int) -> None:
    assert max(map(len, printed(load_scenario(name), width).splitlines())) <= width


def test_it_tells_what_a_fault_does_once_and_each_moment_with_its_orders() -> None:
    text = printed(load_scenario("flaky-network"), 120)
    assert text.count("connecting works, but") == 1
    for moment in ("17.00   cut ", "19.00   cut ", "25.00   cut#2 ", "27.00   cut#2 "):
        assert moment in text
    assert text.count("→ Toxiproxy mobile-realtime: add reset_peer, both ways: timeout=0") == 2


def test_it_tells_how_far_a_ramp_is() -> None:
    text = printed(scenario({**SLOW, "ramp_s": 10, "ramp_steps": 2}), 120)
    assert "is at 100%" in text
    assert "update latency, both ways: latency=800 jitter=0" in text


def test_a_scenario_without_faults_says_so() -> None:
    assert "No fault: nothing is broken in this run." in printed(load_scenario("steady"))


def test_a_long_timeline_is_cut_and_says_so() -> None:
    text = printed(scenario({**CUT, "kind": "reset", "at_s": 0, "for_s": 0.2, "every_s": 0.5}))
    assert "… and 80 moments more; --json has them all" in text


def test_sentences_come_in_the_language_asked_for() -> None:
    assert "실시간 연결" in printed(load_scenario("ws-blocked"), language="ko")


def test_gates_are_listed_with_their_bounds() -> None:
    text = printed(load_scenario("flaky-network"), 120)
    assert "reconnect_attempts.per_user" in text
    assert ">= 1, <= 8" in text


def test_a_preview_is_json_with_every_moment() -> None:
    found = preview(load_scenario("flaky-network"))
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    assert [fault["name"] for fault in read["faults"]] == ["slow-line", "cut", "cut#2"]
    assert len(read["moments"]) == 6


def test_another_form_of_a_scenario_is_told_before_anything_else_about_it() -> None:
    text = " ".join(printed(load_scenario("token-expiry", red_twin=True)).split())

    assert "red twin, expected to fail: cohorts.current.library=rjs-2.100" in text
    assert "shortened access_token_lifetime_s 35 s, usually 3600" in text
