"""Makes the runs, so many at once, and judges each."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.runsettings import RunSettings
from reports.model import Verdict
from tests.full import jobs as checks
from tests.full.code import ROOT, commit, fingerprints
from tests.full.jobs import Job, Result

INTERRUPTED = 130
_LOOK_S = 0.2


class Queue:
    """Runs that are to be made, so many at once."""

    def __init__(self, jobs: Sequence[Job], folder: Path, *, at_once: int) -> None:
        """``folder`` is where run directories and what the runs say go."""
        self._folder = folder
        self._left = list(jobs)
        self._at_once = at_once
        self._running: list[_Running] = []
        self.stopped = ""
        """Why not all were made; empty where they were."""

    def results(self, code: Mapping[str, str]) -> Iterator[tuple[Job, Result]]:
        """Make the runs, and judge each when it ends. ``code`` has the fingerprints with which it
        began: where one has changed, nothing more is started, and nothing of the old code is told.
        Ctrl-C ends what is running in order, a second one at once."""
        try:
            while self._left or self._running:
                try:
                    self._start()
                    time.sleep(_LOOK_S)
                except KeyboardInterrupt:
                    self._stop("stopped")
                    self._interrupt()
                    continue
                yield from self._ended(code)
        finally:
            self._interrupt()

    def _start(self) -> None:
        while self._left and len(self._running) < self._at_once:
            self._running.append(_Running(self._left.pop(0), self._folder))

    def _interrupt(self) -> None:
        for each in self._running:
            each.child.send_signal(signal.SIGINT)

    def _ended(self, code: Mapping[str, str]) -> Iterator[tuple[Job, Result]]:
        for ended in [each for each in self._running if each.child.poll() is not None]:
            self._running.remove(ended)
            name = ended.job.scenario
            if fingerprints((name,))[name] != code[name]:
                self._stop("the code has changed since the start")
            elif ended.child.returncode == INTERRUPTED:
                self._stop("stopped")
            if not self.stopped:
                yield ended.job, ended.result(code[name])

    def _stop(self, why: str) -> None:
        self.stopped = self.stopped or why
        self._left.clear()


class _Running:
    """One run that is being made. Its directory stays where the result is not as expected."""

    def __init__(self, job: Job, folder: Path) -> None:
        self.job = job
        self._out = folder / job.slug
        self._log = folder / f"{job.slug}.txt"
        if self._out.exists():
            shutil.rmtree(self._out)
        self._begun_s = time.monotonic()
        command = [sys.executable, "-c", "from scenarios.cli import main; main()", "run"]
        with self._log.open("wb") as log:
            self.child = subprocess.Popen(
                [*command, *job.options, "--out", str(self._out)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C comes from here, once
            )

    def result(self, code: str) -> Result:
        verdict, wrong = self._judged()
        result = Result(
            job=self.job,
            code=code,
            commit=commit(),
            ended=f"{datetime.now(UTC):%Y-%m-%d}",
            verdict=verdict,
            wrong=wrong,
            took_s=round(time.monotonic() - self._begun_s, 1),
        )
        if not wrong:
            shutil.rmtree(self._out)
            self._log.unlink()
        return result

    def _judged(self) -> tuple[checks.Verdicts, tuple[str, ...]]:
        try:
            verdict = msgspec.json.decode((self._out / "verdict.json").read_bytes(), type=Verdict)
            settings = msgspec.json.decode(
                (self._out / "settings.json").read_bytes(), type=RunSettings
            )
        except OSError:
            said = self._log.read_text(errors="replace").strip().splitlines()
            return "invalid", (f"no verdict: {said[-1] if said else 'it said nothing'}",)
        return verdict.verdict, checks.judge(self.job.form, settings.variant.red_twin, verdict)
