from __future__ import annotations

from itertools import groupby
from pathlib import Path

from harness.server.defects import Defect

DOCS = Path(__file__).parents[3] / "docs"


def documented(page: str) -> list[str]:
    """The first cells of the page's tables of defects."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    tables = [list(rows) for row, rows in groupby(lines, lambda one: one.startswith("|")) if row]
    return [
        line.split("|")[1].strip(" `")
        for table in tables
        if table[0].startswith("| defect |")
        for line in table[2:]
    ]


def test_every_defect_has_a_line_of_its_own_in_the_docs() -> None:
    pages = ("api.md", "realtime.md", "auth.md")
    assert sorted(one for page in pages for one in documented(page)) == sorted(Defect)
