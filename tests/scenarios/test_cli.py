"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from harness.errors import RecordError, RigError
from reports.model import GateResult, Verdict
from scenarios import doctor, limits
from scenarios.cli import app
from scenarios.doctor import Finding
from scenarios.model import Scenario, library_names
from scenarios.progress import Failed, Finished, Note, Progress
from tests.support.histories import write_run

COMMANDS = ("run", "list", "policies", "serve", "chaos", "report", "story", "doctor")

Launch = Callable[..., int]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def one_line(text: str) -> str:
    """An error's text, which must be one line."""
    assert text.count("\n") == 1
    return text.strip()


@pytest.fixture
def launch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Launch], None]:
    """Puts a function in the place of the real launch."""

    def put(function: Launch) -> None:
        module = ModuleType("scenarios.launch")
        module.__dict__["run"] = function
        monkeypatch.setitem(sys.modules, "scenarios.launch", module)

    return put


def write_verdict(root: Path) -> None:
    gate = GateResult(
        metric="lost",
        window="run",
        cohort="all",
        bound="<= 0",
        value=2.0,
        unit="messages",
        n=1750,
        result="fail",
    )
    found = Verdict(verdict="fail", reasons=("lost is 2, allowed <= 0",), gates=(gate,), rig=())
    root.mkdir(parents=True)
    (root / "verdict.json").write_bytes(msgspec.json.encode(found))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = invoke(command, "--help")

    assert result.exit_code == 0
    assert f"Example: chatquake {command}" in result.stdout


def test_help_is_reached_without_importing_what_is_slow() -> None:
    slow = ("pandas", "matplotlib", "httpx", "locust", "gevent", "faker", "numpy")
    code = f"import sys, scenarios.cli; print(sorted(set({slow!r}) & set(sys.modules)))"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert answer.stdout.strip() == "[]"


def test_run_hands_the_resolved_scenario_to_the_launch(
    launch: Callable[[Launch], None], tmp_path: Path
) -> None:
    seen: dict[str, Any] = {}

    def run(scenario: Scenario, **options: Any) -> int:
        seen.update(options, scenario=scenario)
        return 0

    launch(run)
    numbers = ("--users", "60", "--duration", "47", "--seed", "4", "--processes", "2")
    sets = ("--set", "load.room_size=30", "--set", "gates.lost.max=5")
    rest = ("--lang", "ko", "--out", str(tmp_path / "a"))

    result = invoke("run", "ws-blocked", *numbers, *sets, *rest)

    assert result.exit_code == 0
    scenario = seen["scenario"]
    assert (scenario.load.users, scenario.duration_s, scenario.seed) == (60, 47, 4)
    assert scenario.load.room_size == 30
    assert scenario.gates[0].max == 5
    assert (seen["out"], seen["processes"], seen["language"]) == (tmp_path / "a", 2, "ko")


def test_run_shows_progress_and_ends_with_verdict_and_report(
    launch: Callable[[Launch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_verdict(tmp_path / "runs" / "1")

    def run(scenario: Scenario, *, show: Callable[[Progress], None], **_options: Any) -> int:
        show(Note(t_s=1.0, level="fault", text="ws-blocked begins"))
        show(Finished(run_dir="runs/1", exit_code=1))
        return 1

    launch(run)

    result = invoke("run", "ws-blocked")

    assert result.exit_code == 1
    assert "[  1.0s] fault: ws-blocked begins" in result.stdout
    assert "FAIL: 1 of 1 gates does not hold: lost is 2, allowed <= 0." in result.stdout
    assert "Report: runs/1/report.html (open it in a browser)" in result.stdout


def test_a_quiet_run_prints_the_verdict_alone(
    launch: Callable[[Launch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_verdict(tmp_path / "runs" / "1")

    def run(scenario: Scenario, *, show: Callable[[Progress], None], **_options: Any) -> int:
        show(Note(t_s=1.0, level="fault", text="ws-blocked begins"))
        show(Finished(run_dir="runs/1", exit_code=1))
        return 1

    launch(run)

    result = invoke("run", "ws-blocked", "--quiet")

    assert "begins" not in result.stdout
    assert "FAIL:" in result.stdout


def test_a_run_that_could_not_be_made_says_why_on_stderr(launch: Callable[[Launch], None]) -> None:
    def run(scenario: Scenario, *, show: Callable[[Progress], None], **_options: Any) -> int:
        show(Failed(exit_code=3, text="port 8474 is occupied"))
        return 3

    launch(run)

    result = invoke("run", "steady")

    assert result.exit_code == 3
    assert one_line(result.stderr) == "chatquake: port 8474 is occupied"


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (RigError("no Toxiproxy"), 3, "chatquake: no Toxiproxy"),
        (RecordError("runs/1: exists"), 3, "chatquake: runs/1: exists"),
        (KeyboardInterrupt(), 130, "chatquake: stopped at once"),
    ],
)
def test_an_error_of_the_rig_is_one_line_with_its_own_code(
    launch: Callable[[Launch], None], error: BaseException, code: int, text: str
) -> None:
    def run(scenario: Scenario, **_options: Any) -> int:
        raise error

    launch(run)

    result = invoke("run", "steady", "--quiet")

    assert result.exit_code == code
    assert result.stderr.strip() == text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "nope"), "chatquake: scenario 'nope': not in the library"),
        (
            ("run", "steady", "--set", "load.usrs=3"),
            "chatquake: steady.toml with --set: load.usrs: no such",
        ),
        (("run", "steady", "--set", "load"), "chatquake: --set load: is not KEY=VALUE"),
        (
            ("run", "steady", "--duration", "5"),
            "chatquake: steady.toml with --duration: duration_s: 5 is too sho",
        ),
        (("run", "steady", "--target", "t.toml"), "chatquake: --target is not yet supported"),
        (("report", "runs/1", "--format", "pdf"), "chatquake: --format pdf: 'pdf' is not known"),
    ],
)
def test_a_mistake_of_the_user_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], expected: str
) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert one_line(result.stderr).startswith(expected)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "steady", "--users", "0"),
        ("run", "steady", "--lang", "fr"),
        ("run", "steady", "--colour"),
        ("dance",),
    ],
)
def test_an_option_that_cannot_be_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_list_shows_every_scenario_with_the_rules_it_is_about() -> None:
    text = invoke("list").stdout

    assert all(name in text for name in library_names())
    assert "T4" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_list_gives_json_for_scripts() -> None:
    entries = msgspec.json.decode(invoke("list", "--json").stdout)

    assert [entry["name"] for entry in entries] == list(library_names())
    blocked = next(entry for entry in entries if entry["name"] == "ws-blocked")
    assert blocked["users"] == 50
    assert blocked["faults"] == ["ws-blocked"]
    assert "H5" in blocked["shows"]


def test_a_directory_that_is_no_run_is_named(tmp_path: Path) -> None:
    result = invoke("report", str(tmp_path))

    assert result.exit_code == 3
    assert one_line(result.stderr).endswith("not a run directory (it has no settings.json)")


def found(state: Any) -> Callable[..., Finding]:
    return lambda *_arguments: Finding(what="Toxiproxy", state=state, text="as found")


def test_doctor_gives_findings_and_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "look_for_toxiproxy", found("ok"))

    result = invoke("doctor")

    assert result.exit_code == 0
    assert "Toxiproxy" in result.stdout
    assert "This machine holds about" in result.stdout


def test_doctor_gives_json_for_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "look_for_toxiproxy", found("ok"))

    report = msgspec.json.decode(invoke("doctor", "--json").stdout, type=doctor.Report)

    assert {finding.what for finding in report.findings} >= {"Python", "locust", "Toxiproxy"}


def test_doctor_fetches_only_when_asked_and_fails_where_it_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "look_for_toxiproxy", found("ok"))
    monkeypatch.setattr(doctor, "fetch_toxiproxy", found("missing"))

    assert invoke("doctor").exit_code == 0
    assert invoke("doctor", "--fetch").exit_code == 3


def test_report_writes_the_asked_formats_again_byte_for_byte(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path / "run")
    arguments = ("report", str(run_dir.root), "--format", "json,md,junit")

    first = invoke(*arguments)
    written = {path: Path(path).read_bytes() for path in first.stdout.split()}
    second = invoke(*arguments)

    assert first.exit_code == second.exit_code == 0
    assert {Path(path).name for path in written} >= {"verdict.json", "report.md", "junit.xml"}
    assert not (run_dir.root / "report.html").exists()
    assert {path: Path(path).read_bytes() for path in second.stdout.split()} == written


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it."""
    code = "from scenarios.cli import main; main()"
    line = [sys.executable, "-c", code, *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "steady", "--users", "ten"), ("--users", "integer", "chatquake run --help")),
        (("run", "steady", "--lang", "fr"), ("--lang", "fr", "en", "ko")),
        (("run",), ("SCENARIO",)),
        (("rum",), ("rum",)),
        (("serve", "--api-port", "70000"), ("--api-port", "65535")),
    ],
)
def test_a_mistyped_command_line_is_one_line_and_code_2(
    arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    end = command(*arguments)
    assert end.returncode == 2
    said = one_line(end.stderr)
    assert said.startswith("chatquake: ")
    assert [word for word in words if word not in said] == []


def test_policies_prints_them_for_people_and_for_scripts() -> None:
    people, script = invoke("policies", "plan"), invoke("policies", "plan", "hardened", "--json")
    assert (people.exit_code, script.exit_code) == (0, 0)
    assert "ack_timeout_s" in people.stdout
    assert [view["name"] for view in msgspec.json.decode(script.stdout)] == ["plan", "hardened"]


def test_an_unknown_policy_is_one_line_and_code_2() -> None:
    end = invoke("policies", "plam")
    assert end.exit_code == 2
    assert one_line(end.stderr).startswith("chatquake: policy 'plam': is not known; did you mean")


@pytest.mark.parametrize(
    ("option", "name"), [("--list-defects", "event-lost"), ("--list-knobs", "system_ok_delay_s=")]
)
def test_serve_lists_its_switches_and_ends(option: str, name: str) -> None:
    end = command("serve", option)
    assert (end.returncode, end.stderr) == (0, "")
    assert name in end.stdout


def test_the_version_is_the_installed_one() -> None:
    assert command("--version").stdout.startswith("chatquake ")


def test_a_command_s_own_code_reaches_the_shell() -> None:
    assert command("report", "no-such-run").returncode == 3
    assert command("list").returncode == 0


def test_without_a_command_the_help_is_shown() -> None:
    end = command()
    assert end.returncode == 2
    assert "doctor" in end.stdout


def test_more_users_than_the_machine_holds_are_warned_of_in_one_line(
    launch: Callable[[Launch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = limits.Machine(fd_limit=20_000, ephemeral_ports=28_232, cores=1)
    monkeypatch.setattr(limits, "machine_here", lambda: machine)
    launch(lambda *_, **__: 0)
    assert invoke("run", "steady").stderr == ""
    said = one_line(invoke("run", "steady", "--users", "9000").stderr)
    assert "9,000 users are more than this machine holds" in said
    assert f"{limits.capacity(machine).users:,}" in said


def test_users_for_whom_there_are_no_file_descriptors_are_refused_before_anything_starts(
    launch: Callable[[Launch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = limits.Machine(fd_limit=20_000, ephemeral_ports=28_232, cores=64)
    monkeypatch.setattr(limits, "machine_here", lambda: machine)
    launch(lambda *_, **__: pytest.fail("it was started"))
    end = invoke("run", "steady", "--users", "9751")
    assert end.exit_code == 2
    assert "load.users: 9,751 do not fit on this machine, 9,750 would" in one_line(end.stderr)


def test_story_tells_a_user_as_text_and_as_json(tmp_path: Path) -> None:
    write_run(tmp_path / "run", users=5)

    text = invoke("story", str(tmp_path / "run"), "--user", "3")
    data = invoke("story", str(tmp_path / "run"), "--user", "3", "--json")

    assert (text.exit_code, data.exit_code) == (0, 0)
    assert text.stdout.startswith("User 3 of ws-blocked")
    assert msgspec.json.decode(data.stdout)["lines"][0]["kind"] == "page"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--user", "5"), "users are 0 to 4"),
        (("--around", "zz"), "there is no such message"),
        ((), "--user ID, --around MESSAGE"),
    ],
)
def test_story_says_in_one_line_what_there_is_instead(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    write_run(tmp_path / "run", users=5)

    result = invoke("story", str(tmp_path / "run"), *arguments)

    assert result.exit_code == 2
    assert said in one_line(result.stderr)


def test_story_of_no_run_directory_ends_as_report_does(tmp_path: Path) -> None:
    story, report = invoke("story", str(tmp_path), "--user", "1"), invoke("report", str(tmp_path))

    assert (story.exit_code, story.stderr) == (report.exit_code, report.stderr)


def test_a_dry_run_draws_the_timeline_of_the_resolved_scenario_and_starts_nothing(
    launch: Callable[[Launch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_args: Any, **_options: Any) -> int:
        raise AssertionError("it was launched")

    launch(never)
    monkeypatch.chdir(tmp_path)

    result = invoke("run", "flaky-network", "--dry-run", "--set", "faults.cut.times=1")

    assert result.exit_code == 0
    assert "17.00   cut" in result.stdout
    assert "cut#2" not in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_in_json_has_the_faults_and_what_will_be_told() -> None:
    result = invoke("run", "ws-blocked", "--dry-run", "--json", "--users", "60", "--duration", "50")

    assert result.exit_code == 0
    found = msgspec.json.decode(result.stdout)
    assert (found["users"], found["duration_s"]) == (60, 50)
    assert [fault["name"] for fault in found["faults"]] == ["ws-blocked"]
    assert found["moments"][0]["orders"][0]["words"] == "disable the proxy"


def test_a_dry_run_refuses_what_a_run_would_refuse() -> None:
    result = invoke("run", "ws-blocked", "--dry-run", "--duration", "12")

    assert result.exit_code == 2
    assert "the load to the end of fault 'ws-blocked'" in one_line(result.stderr)


def test_json_without_a_dry_run_is_refused() -> None:
    result = invoke("run", "ws-blocked", "--json")

    assert result.exit_code == 2
    assert "--json goes with --dry-run" in one_line(result.stderr)
