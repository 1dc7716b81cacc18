"""The dated table of the docs: what the library came to when all of it was run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from tests.full.jobs import FORMS, Job, Result

_HEAD = """\
# What the library came to

Written by `make test-full`, which runs every scenario of the library and its
[red twin](scenarios.md#red-twins) with different seeds. A scenario must pass; its twin must fail,
at the gates that it names and at no others. Seconds are the median of a whole run with its start
and its judgement.

"""


def table(jobs: Sequence[Job], found: Mapping[Job, Result], *, machine: str) -> str:
    """The page. Rows are scenario by scenario; what was not run yet is said."""
    lines = [_HEAD + _when(list(found.values()), machine), ""]
    lines += ["| scenario | form | runs | as expected | pass | fail | invalid | seconds |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for scenario in dict.fromkeys(job.scenario for job in jobs):
        for form in FORMS:
            mine = [job for job in jobs if (job.scenario, job.form) == (scenario, form)]
            lines.append(_row(mine, [found[job] for job in mine if job in found]))
    wrong = [each for job in jobs if (each := found.get(job)) is not None and each.wrong]
    if wrong:
        lines += ["", "Not as expected:", ""]
        lines += [
            f"* `{each.job.scenario}`, {each.job.form}, seed {each.job.seed}: "
            f"{'; '.join(each.wrong)}"
            for each in wrong
        ]
    return "\n".join(lines) + "\n"


def _when(results: list[Result], machine: str) -> str:
    if not results:
        return "Nothing was run yet."
    days = sorted({each.ended for each in results})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    commits = ", ".join(sorted({each.commit for each in results}))
    length = "full length" if results[0].job.full_length else "the default length"
    return f"{when}, {length}, at {commits}, on {machine}."


def _row(jobs: list[Job], results: list[Result]) -> str:
    first = jobs[0]
    runs = str(len(results)) if len(results) == len(jobs) else f"{len(results)} of {len(jobs)}"
    good = sum(not each.wrong for each in results)
    verdicts = [each.verdict for each in results]
    counts = [str(verdicts.count(verdict)) for verdict in ("pass", "fail", "invalid")]
    took = f"{median(each.took_s for each in results):.0f}" if results else "–"
    cells = [f"`{first.scenario}`", first.form, runs, str(good), *counts, took]
    return f"| {' | '.join(cells)} |"
