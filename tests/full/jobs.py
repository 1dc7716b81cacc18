"""What is to be run, what has been, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from harness.runsettings import RedTwin
from reports.model import Verdict
from scenarios.variants import objections

Form = Literal["scenario", "red twin"]
Verdicts = Literal["pass", "fail", "invalid"]
FORMS: tuple[Form, ...] = ("scenario", "red twin")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run to be made."""

    scenario: str
    form: Form
    full_length: bool
    seed: int

    @property
    def slug(self) -> str:
        """What its run directory is called."""
        length = "-full-length" if self.full_length else ""
        return f"{self.scenario}{length}-{self.form.replace(' ', '-')}-{self.seed}"

    @property
    def options(self) -> list[str]:
        """For ``chatquake run``."""
        options = [self.scenario, "--seed", str(self.seed), "--quiet"]
        options += ["--red-twin"] if self.form == "red twin" else []
        return options + (["--full-length"] if self.full_length else [])


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the results file: one run that was made and judged."""

    job: Job
    code: str
    """Of all that the run depended on, as it was (:func:`tests.full.code.fingerprint`)."""
    commit: str
    """For people."""
    ended: str
    """The day, ISO 8601."""
    verdict: Verdicts
    wrong: tuple[str, ...]
    """How it is another verdict than it had to be; none: as expected."""
    took_s: float


def wanted(
    scenarios: Iterable[str], *, runs: int, full_length: bool, first_seed: int = 1
) -> list[Job]:
    """Every run of the check; a scenario's own and its twin's runs in turn, seed by seed."""
    return [
        Job(scenario=scenario, form=form, full_length=full_length, seed=seed)
        for scenario in scenarios
        for seed in range(first_seed, first_seed + runs)
        for form in FORMS
    ]


def known(results: Iterable[Result], code: Mapping[str, str]) -> dict[Job, Result]:
    """What was found with the present ``code``, by scenario; of a run made twice the later one."""
    return {each.job: each for each in results if code.get(each.job.scenario) == each.code}


def left(jobs: Sequence[Job], found: Mapping[Job, Result], *, again: bool) -> list[Job]:
    """Those that are not known yet, and with ``again`` those that came out wrong too."""
    return [job for job in jobs if job not in found or (again and found[job].wrong)]


def judge(form: Form, twin: RedTwin | None, verdict: Verdict) -> tuple[str, ...]:
    """What is wrong with the verdict: a scenario must pass, and its twin be red exactly where it
    says. An invalid run is wrong for both."""
    if form == "red twin":
        return (
            ("the run does not say that it is a twin",)
            if twin is None
            else objections(twin, verdict)
        )
    if twin is not None:
        return ("the run says that it is a twin",)
    if verdict.verdict == "pass":
        return ()
    return tuple(verdict.reasons) or (f"the verdict is {verdict.verdict}",)
