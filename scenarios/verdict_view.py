"""What a run says at its end: the gates as a table, the verdict in a sentence, the report."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.errors import RecordError
from harness.rundir import RunDir
from harness.runsettings import RedTwin
from reports.model import EVERYBODY, GateResult, Result, Verdict
from scenarios.variants import objections

STYLES: dict[Result, str] = {"pass": "green", "fail": "red", "invalid": "yellow"}


def read_verdict(root: Path) -> Verdict:
    """``verdict.json`` of a run directory. Raises :class:`RecordError`."""
    path = RunDir(root).verdict
    try:
        return msgspec.json.decode(path.read_bytes(), type=Verdict)
    except (OSError, msgspec.DecodeError) as error:
        raise RecordError(f"{path}: cannot be read: {error}") from None


def verdict_view(
    verdict: Verdict, run_dir: Path, cwd: Path, *, whole: bool = True
) -> RenderableType:
    """Gates, findings about the rig, the sentence, and where the report is; without the first
    two unless ``whole``."""
    parts: list[RenderableType] = []
    if whole and verdict.gates:
        parts.append(gate_table(verdict.gates))
    for finding in verdict.rig if whole else ():
        style = "red" if finding.level == "fatal" else "yellow"
        parts.append(Text(f"rig, {finding.level}: {finding.sentence.en}", style=style))
    parts.append(Text(sentence(verdict), style=f"bold {STYLES[verdict.verdict]}"))
    parts += [Text(line) for line in report_lines(run_dir, cwd)]
    return Group(*parts)


def gate_table(gates: tuple[GateResult, ...]) -> Table:
    """A row for each gate; the result is a word with its colour.

    The cohorts have a column only where a gate is about one.
    """
    by_cohort = any(gate.cohort != EVERYBODY for gate in gates)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("gate", "window", *(["cohort"] if by_cohort else []), "bound"):
        table.add_column(heading, overflow="fold")
    for heading in ("value", "n"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    for gate in gates:
        cohort = "everybody" if gate.cohort == EVERYBODY else gate.cohort
        table.add_row(
            gate.metric,
            gate.window,
            *([cohort] if by_cohort else []),
            gate.bound,
            ("> " if gate.beyond else "") + value_text(gate.value, gate.unit),
            f"{gate.n:,}",
            Text(gate.result.upper(), style=STYLES[gate.result]),
        )
    return table


def twin_line(twin: RedTwin, verdict: Verdict) -> Text:
    """Whether a red twin is red where it must be, and nowhere else."""
    wrong = objections(twin, verdict)
    if wrong:
        return Text(f"Red twin, not as declared: {'; '.join(wrong)}.", style="bold red")
    return Text(f"Red twin: red as it must be, at {', '.join(twin.fails)}.", style="bold green")


def value_text(value: float | None, unit: str) -> str:
    """A figure for people: ``1.23 s``, ``18 ms``, ``12``; ``-`` where there is none."""
    if value is None:
        return "-"
    if unit == "s":
        return f"{value * 1000:.0f} ms" if 0 < value < 0.1 else f"{value:.2f} s"
    if unit == "1":
        return f"{value:.3g}"
    number = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}"
    return number if unit in ("messages", "count") else f"{number} {unit}"


def sentence(verdict: Verdict) -> str:
    """The verdict in one sentence, with the first reasons."""
    total = len(verdict.gates)
    match verdict.verdict:
        case "pass":
            return f"PASS: all {total} gates hold." if total != 1 else "PASS: the gate holds."
        case "fail":
            failed = sum(gate.result == "fail" for gate in verdict.gates)
            verb = "does" if failed == 1 else "do"
            return f"FAIL: {failed} of {total} gates {verb} not hold{_because(verdict)}"
        case "invalid":
            return f"INVALID: this run cannot tell{_because(verdict)}"


def report_lines(run_dir: Path, cwd: Path) -> list[str]:
    """Where the report is and how to make it again."""
    shown = _seen_from(cwd, run_dir)
    report = shown / "report.html"
    command = _command(cwd)
    return [
        f"Report: {report} (open it in a browser)",
        f"Render: {command} report {shown}",
        f"Repeat: {command} run {shown / 'scenario.toml'}",
    ]


def _command(cwd: Path) -> str:
    """How ``chatquake`` is typed here: by name where it is on the PATH, else by its place."""
    own = Path(sys.executable).with_name("chatquake")
    return "chatquake" if shutil.which("chatquake") else str(_seen_from(cwd, own))


def _seen_from(cwd: Path, path: Path) -> Path:
    return path.relative_to(cwd) if path.is_relative_to(cwd) else path


def _because(verdict: Verdict) -> str:
    if not verdict.reasons:
        return "."
    more = len(verdict.reasons) - 3
    rest = f" (and {more} more)" if more > 0 else ""
    return ": " + "; ".join(reason.rstrip(".") for reason in verdict.reasons[:3]) + rest + "."
