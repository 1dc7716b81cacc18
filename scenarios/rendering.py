"""``chatquake report``: audit and render again, from a run directory alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from harness.errors import UsageError
from harness.near_names import near
from harness.rundir import RunDir
from reports.audit import examine, write_results
from reports.render import FORMATS as PAGES
from reports.render import render

Format = Literal["html", "md", "junit", "json", "parquet"]


def parse_formats(text: str) -> tuple[Format, ...]:
    """``html,md`` as formats. Raises :class:`UsageError` for one that is not known."""
    known: dict[str, Format] = {name: name for name in get_args(Format)}
    chosen = []
    for part in text.split(","):
        name = part.strip()
        if name not in known:
            raise UsageError(f"--format {text}: {name!r} is not known; {near(name, known)}")
        chosen.append(known[name])
    return tuple(dict.fromkeys(chosen))


def render_again(
    root: Path, formats: tuple[Format, ...], language: Literal["en", "ko"]
) -> tuple[Path, ...]:
    """Write the formats into the run directory and say which files were written.

    Raises :class:`~harness.errors.RecordError` where ``root`` is no run directory.
    """
    run_dir = RunDir.open(root)
    examination = examine(run_dir)
    written: list[Path] = []
    if set(formats) - set(PAGES):
        write_results(examination, run_dir)
        written += [run_dir.metrics, run_dir.verdict, *sorted(root.glob("*.parquet"))]
    pages = tuple(page for page in PAGES if page in formats)
    if pages:
        written += render(examination.audit, run_dir.root, formats=pages, language=language)
    return tuple(written)
