"""``make test-full``: every scenario of the library and its red twin, three times each.

One run at a time; what is known of the present code is not run again, so that it may be stopped
(Ctrl-C) and goes on where it was. Ends with 0 where all came out as it had to, 1 where not.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.near_names import near
from harness.runsettings import RunSettings
from reports.model import Verdict
from scenarios.model import library_names, load_scenario
from tests.full import jobs as checks
from tests.full.code import ROOT, commit, fingerprints
from tests.full.jobs import Job, Result
from tests.full.table import table

FOLDER = ROOT / "runs" / "full"
RESULTS = FOLDER / "results.jsonl"
PAGE = ROOT / "docs" / "library-results.md"
_AROUND_S = 15.0
"""What a run takes beside its own duration, for the estimate."""
_INTERRUPTED = 130


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _options()
    code = fingerprints(library_names())
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = checks.known(_results(), code)

    def every(names: Iterable[str]) -> list[Job]:
        return checks.wanted(names, runs=options.runs, full_length=options.full_length)

    chosen = every(options.names or library_names())
    left = checks.left(chosen, found, again=options.again)
    print(f"{len(left)} runs, about {_estimate_s(left) / 60:.0f} minutes", flush=True)
    for number, job in enumerate(left, start=1):
        if fingerprints((job.scenario,))[job.scenario] != code[job.scenario]:
            print("the code has changed since the start; the same command goes on with the new one")
            return 2
        print(f"[{number}/{len(left)}] {job.slug} … ", end="", flush=True)
        result = _run(job, code[job.scenario])
        if result is None:
            print("stopped; the same command goes on from here")
            return 130
        with RESULTS.open("ab") as file:
            file.write(msgspec.json.encode(result) + b"\n")
        found[job] = result
        print(f"{result.verdict}, {result.took_s:.0f} s{_remark(result)}", flush=True)
    if not options.full_length:
        PAGE.write_text(table(every(library_names()), found, machine=_machine()), encoding="utf-8")
    wrong = [found[job] for job in chosen if found[job].wrong]
    print(f"{len(chosen) - len(wrong)} of {len(chosen)} as expected", flush=True)
    for each in wrong:
        print(f"not as expected: {each.job.slug}: {'; '.join(each.wrong)}")
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.full", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; default: the library")
    parser.add_argument("--runs", type=int, default=3, help="of each form, seeds from 1 (3)")
    parser.add_argument(
        "--full-length", action="store_true", help="in full length; not for the docs' table"
    )
    parser.add_argument("--again", action="store_true", help="run anew what came out wrong, too")
    options = parser.parse_args()
    for name in options.names:
        if name not in library_names():
            parser.error(f"{name}: not in the library; {near(name, library_names())}")
    if options.runs < 1:
        parser.error("--runs: 1 or more")
    return options


def _results() -> list[Result]:
    """Those written so far; the last line of a machine that was switched off is left out."""
    if not RESULTS.exists():
        return []
    lines = RESULTS.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line, type=Result) for line in lines]


def _estimate_s(jobs: list[Job]) -> float:
    lasts = [load_scenario(job.scenario, full_length=job.full_length).duration_s for job in jobs]
    return sum(lasts) + _AROUND_S * len(jobs)


def _run(job: Job, code: str) -> Result | None:
    """Make the run and judge it; ``None`` where it was interrupted. The run directory stays where
    the result is not as expected."""
    out = FOLDER / job.slug
    if out.exists():
        shutil.rmtree(out)
    begun_s = time.monotonic()
    command = [sys.executable, "-c", "from scenarios.cli import main; main()", "run"]
    with (FOLDER / "last.txt").open("wb") as log:
        child = subprocess.Popen(
            [*command, *job.options, "--out", str(out)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C comes from here, once
        )
        if not _ended(child):
            return None
    verdict, wrong = _judged(job, out)
    result = Result(
        job=job,
        code=code,
        commit=commit(),
        ended=f"{datetime.now(UTC):%Y-%m-%d}",
        verdict=verdict,
        wrong=wrong,
        took_s=round(time.monotonic() - begun_s, 1),
    )
    if not wrong:
        shutil.rmtree(out)
    return result


def _ended(child: subprocess.Popen[bytes]) -> bool:
    """Wait for it; False where somebody wanted it to stop. Each Ctrl-C is passed on: the first ends
    the run in order, the second at once."""
    stopped = False
    while True:
        try:
            return child.wait() != _INTERRUPTED and not stopped
        except KeyboardInterrupt:
            stopped = True
            child.send_signal(signal.SIGINT)


def _judged(job: Job, out: Path) -> tuple[checks.Verdicts, tuple[str, ...]]:
    try:
        verdict = msgspec.json.decode((out / "verdict.json").read_bytes(), type=Verdict)
        settings = msgspec.json.decode((out / "settings.json").read_bytes(), type=RunSettings)
    except OSError:
        said = (FOLDER / "last.txt").read_text(errors="replace").strip().splitlines()
        return "invalid", (f"no verdict: {said[-1] if said else 'it said nothing'}",)
    return verdict.verdict, checks.judge(job.form, settings.variant.red_twin, verdict)


def _remark(result: Result) -> str:
    if not result.wrong:
        return ", as expected"
    return f": {'; '.join(result.wrong)}; see {(FOLDER / result.job.slug).relative_to(ROOT)}"


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
