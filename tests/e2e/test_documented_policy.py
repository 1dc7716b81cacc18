"""The bug report of docs/scenarios.md, typed as it stands: red as the chat is planned, green with
the policy that the page gives a name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.runsettings import RunSettings
from tests.e2e.conftest import RunOf, side_by_side
from tests.support.documents import fences
from tests.support.rundata import figure
from tests.support.runs import CHATQUAKE

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> RunOf:
    folder = tmp_path_factory.mktemp("documented")
    file = folder / "elevator.toml"
    *_, elevator, catches_up = fences("scenarios.md", "toml")
    file.write_text(f"{elevator}\n{catches_up}", encoding="utf-8")
    run = [*CHATQUAKE, "run", str(file)]
    commands = {"planned": run, "own": [*run, "--set", "cohorts.phone.policy=catches-up"]}
    return side_by_side(commands, folder).__getitem__


def policy_of(out: Path) -> str:
    settings = msgspec.json.decode((out / "settings.json").read_bytes(), type=RunSettings)
    (cohort,) = settings.cohorts
    return cohort.policy


def test_the_plan_loses_what_was_written_in_the_lift(documented: RunOf) -> None:
    end = documented("planned")

    assert end.code == 1, end.output
    assert figure(end.out, "lost") > 0
    assert "no cohort has the policy catches-up" in end.output


def test_the_policy_of_the_page_loses_nothing(documented: RunOf) -> None:
    end = documented("own")

    assert end.code == 0, end.output
    assert figure(end.out, "lost") == 0


def test_the_report_calls_the_policy_by_its_name(documented: RunOf) -> None:
    out = documented("own").out
    words = "catches-up (plan, changed: cursor = confirmed, poll_on_subscribed = true)"

    assert policy_of(out) == words
    assert words in (out / "report.html").read_text("utf-8")
