"""The report for a pull-request comment or a CI summary: verdict, figures, limits, windows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports.model import Audit
from reports.render import facts, tables
from reports.render.notes import notes
from reports.texts import Language, Sayable, Texts, load_texts, sentence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@])")
_SIGN = {"pass": "✅", "fail": "❌", "invalid": "⚠️"}


def markdown(audit: Audit, *, language: Language) -> str:
    """GitHub-flavoured Markdown in one language; ends with a newline."""
    texts = load_texts(language)
    blocks = [
        *_head(audit, texts),
        _bullets(audit, texts),
        _title("section.gates", texts),
        _gates(audit, texts),
        *_cohorts(audit, texts),
        *_windows(audit, texts),
        _title("section.settings", texts),
        _say(texts, sentence("settings.repeat")) + " `chatquake run scenario.toml`",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def plain(text: str) -> str:
    """A text that Markdown shows as it is, on one line, without mentions or markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def _say(texts: Texts, what: Sayable) -> str:
    return plain(texts.say(what))


def _title(key: str, texts: Texts) -> str:
    return f"### {_say(texts, sentence(key))}"


def _head(audit: Audit, texts: Texts) -> list[str]:
    result = audit.verdict.verdict
    word = _say(texts, sentence(f"result.{result}")).upper()
    said = [f"- **{_say(texts, note)}**" for note in notes(audit.settings)]
    reasons = [f"- {_say(texts, reason)}" for reason in facts.reasons(audit)]
    return [
        f"## {_SIGN[result]} {word}: {_say(texts, facts.headline(audit))}",
        _say(texts, facts.title(audit)),
        "\n".join(said),
        "\n".join(reasons),
    ]


def _bullets(audit: Audit, texts: Texts) -> str:
    return "\n".join(
        f"- **{_say(texts, fact.number)}** {_say(texts, fact.said)}" for fact in facts.facts(audit)
    )


def _table(head: list[str], right_from: int, rows: list[list[str]]) -> str:
    """A table whose columns from ``right_from`` on are set to the right."""
    rule = ["---" if number < right_from else "---:" for number in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def _gates(audit: Audit, texts: Texts) -> str:
    rows = tables.gate_rows(audit)
    if not rows:
        return _say(texts, sentence("gates.none"))
    keys = ("result", "metric", "where", "bound", "value", "samples")
    head = [_say(texts, sentence(f"column.{key}")) for key in keys]
    return _table(head, 3, [_gate(row, texts) for row in rows])


def _gate(row: tables.GateRow, texts: Texts) -> list[str]:
    word = _say(texts, sentence(f"result.{row.result}"))
    note = f"<br>{_say(texts, row.reason)}" if row.reason else ""
    return [
        f"{_SIGN[row.result]} {word}",
        f"{_say(texts, row.metric)}{note}",
        _say(texts, row.where),
        _say(texts, row.bound),
        f"**{_say(texts, row.value)}**",
        _say(texts, row.samples),
    ]


def _cohorts(audit: Audit, texts: Texts) -> list[str]:
    table = tables.cohort_table(audit)
    if table is None:
        return []
    head = [_say(texts, sentence("column.metric"))]
    head += [plain(f"{column.name} ({column.policy})") for column in table.columns]
    return [_title("section.groups", texts), _table(head, 1, _measured(table.rows, texts))]


def _measured(rows: Iterable[tables.WindowRow], texts: Texts) -> list[list[str]]:
    return [
        [_say(texts, row.metric), *(_say(texts, figure.value) for figure in row.figures)]
        for row in rows
    ]


def _windows(audit: Audit, texts: Texts) -> list[str]:
    blocks = []
    for table in tables.window_tables(audit):
        head = [_say(texts, sentence("column.metric"))]
        head += [_say(texts, column.name) for column in table.columns]
        rows = _measured(table.rows, texts)
        title = f"{_title('section.windows', texts)} ({_say(texts, table.cohort)})"
        blocks += [title, _table(head, 1, rows)]
    return blocks
