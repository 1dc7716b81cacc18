"""The pages of a run: each renderer is a function from an audit to text, and this writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from harness.rundir import RunDir
from reports import figures
from reports.canvas import standalone
from reports.model import Audit
from reports.render.html import html
from reports.render.junit import junit
from reports.render.markdown import markdown
from reports.texts import Language

Format = Literal["html", "md", "junit"]
FORMATS: tuple[Format, ...] = ("html", "md", "junit")
"""Those of this package; JSON and Parquet are the results themselves (``reports.audit``)."""


def render(
    audit: Audit,
    root: Path,
    *,
    formats: tuple[Format, ...] = FORMATS,
    language: Language = "en",
) -> tuple[Path, ...]:
    """Write the wished pages into the run directory ``root``; answers their paths in order.

    ``html`` also writes ``figures/*.svg``. The same audit gives the same bytes. Raises
    ``OSError`` where the directory cannot be written.
    """
    run_dir = RunDir(root)
    pages: dict[Path, str] = {}
    if "html" in formats:
        drawn = figures.draw_all(audit)
        pages[root / "report.html"] = html(audit, drawn, language=language)
        for name, svg in drawn.items():
            pages[run_dir.figures / f"{name}.svg"] = standalone(svg)
    if "md" in formats:
        pages[root / "report.md"] = markdown(audit, language=language)
    if "junit" in formats:
        pages[root / "junit.xml"] = junit(audit)
    for path, text in pages.items():
        run_dir.write(path, text.encode("utf-8"))
    return tuple(pages)
