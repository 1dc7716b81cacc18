"""What the pages for scenario writers show can be typed as it stands."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from scenarios.cli import app
from scenarios.model import Scenario, load_scenario
from scenarios.tomltext import toml_text
from tests.support.documents import fences, prose

PAGES = ("scenarios.md", "chat-rules.md")
SNIPPETS = [(page, text) for page in PAGES for text in fences(page, "toml")]


def commands(page: str) -> list[str]:
    """Every ``chatquake run`` and ``chatquake policies`` of a page that is no pattern."""
    text = "\n".join(fences(page, "sh") + fences(page, "")).replace("\\\n", " ")
    inline = re.findall(r"`(chatquake [^`]+)`", prose(page))
    lines = [line.split("#  ")[0].split("   #")[0] for line in text.splitlines()]
    found = [line.strip().replace("$s", "10") for line in (*lines, *inline)]
    wanted = ("chatquake run ", "chatquake policies")
    return [
        one for one in found if one.startswith(wanted) and not re.search("NAME|FILE|VALUE", one)
    ]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


def whole(text: str) -> str:
    """A snippet, or the scenario of the library that it is about with the snippet in it."""
    tables = tomllib.loads(text)
    if "name" in tables:
        return text
    name = "ws-blocked" if "ws-blocked" in text else "steady"
    library = resources.files("scenarios").joinpath(f"library/{name}.toml").read_text("utf-8")
    around = tomllib.loads(library)
    for form in ("full_length", "red_twin"):  # they are about what the snippet replaces
        del around[form]
    tables["load"] = around["load"] | tables.get("load", {})
    return toml_text(around | tables)


@pytest.mark.parametrize(("page", "text"), SNIPPETS)
def test_every_snippet_is_a_scenario_or_a_part_of_one(page: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "shown.toml"
    path.write_text(whole(text), encoding="utf-8")

    scenario = load_scenario(str(path))

    assert all(own.policy.name in text for own in scenario.policies)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_typed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the start of the run, which is not made here."""
    started: list[Scenario] = []

    def run(scenario: Scenario, **_options: object) -> int:
        started.append(scenario)
        return 0

    launch = ModuleType("scenarios.launch")
    launch.__dict__["run"] = run
    monkeypatch.setitem(sys.modules, "scenarios.launch", launch)
    monkeypatch.chdir(tmp_path)
    elevator, catches_up = fences("scenarios.md", "toml")[-2:]
    Path("elevator.toml").write_text(f"{elevator}\n{catches_up}", encoding="utf-8")
    (mine,) = (text for _, text in SNIPPETS if "[policies.patient]" in text)
    Path("mine.toml").write_text(whole(mine), encoding="utf-8")

    end = CliRunner().invoke(app, shlex.split(command)[1:])

    assert end.exit_code == 0, end.output
    assert len(started) == command.startswith("chatquake run")


def test_the_pages_show_snippets_and_commands_at_all() -> None:
    assert len(SNIPPETS) >= 6
    assert len(COMMANDS) >= 10
