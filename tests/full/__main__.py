"""``make test-full``: every scenario of the library and its red twin, three times each.

What is known of the present code is not run again, so that it may be stopped (Ctrl-C) and goes on
where it was. Ends with 0 where all came out as it had to, 1 where not.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Iterable

import msgspec

from harness.near_names import near
from scenarios.model import library_names, load_scenario
from tests.full import jobs as checks
from tests.full.code import ROOT, fingerprints
from tests.full.jobs import Job, Result
from tests.full.queue import INTERRUPTED, Queue
from tests.full.table import table

FOLDER = ROOT / "runs" / "full"
RESULTS = FOLDER / "results.jsonl"
PAGE = ROOT / "docs" / "library-results.md"
_AROUND_S = 15.0
"""What a run takes beside its own duration, for the estimate."""


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
    minutes = _estimate_s(left) / options.at_once / 60
    print(f"{len(left)} runs, about {minutes:.0f} minutes", flush=True)
    queue = Queue(left, FOLDER, at_once=options.at_once)
    for number, (job, result) in enumerate(queue.results(code), start=1):
        with RESULTS.open("ab") as file:
            file.write(msgspec.json.encode(result) + b"\n")
        found[job] = result
        print(
            f"[{number}/{len(left)}] {job.slug}: {result.verdict}, {result.took_s:.0f} s"
            f"{_remark(result)}",
            flush=True,
        )
    if queue.stopped:
        print(f"{queue.stopped}; the same command goes on from here")
        return INTERRUPTED if queue.stopped == "stopped" else 2
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
    parser.add_argument(
        "--at-once", type=int, default=1, help="side by side, where the machine has room (1)"
    )
    parser.add_argument("--again", action="store_true", help="run anew what came out wrong, too")
    options = parser.parse_args()
    for name in options.names:
        if name not in library_names():
            parser.error(f"{name}: not in the library; {near(name, library_names())}")
    for name in ("runs", "at_once"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')}: 1 or more")
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
        sys.exit(INTERRUPTED)
