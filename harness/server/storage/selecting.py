"""A selection of rows as an SQL condition, for either dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.server.storage.model import Selection


@dataclass(frozen=True)
class Dialect:
    """Where two kinds of SQL differ."""

    mark: str
    """What stands for an argument."""
    one_of: str
    """A condition on ``id`` whose one argument holds many ids as :attr:`many` is told."""
    json_ids: bool
    """Whether that argument is a JSON text rather than a list."""


SQLITE = Dialect("?", "id IN (SELECT value FROM json_each(?))", json_ids=True)
POSTGRES = Dialect("%s", "id = ANY (%s)", json_ids=False)


def clauses_of(selection: Selection, dialect: Dialect) -> tuple[str, tuple[Any, ...]]:
    """Everything that follows ``SELECT … FROM messages``, and its arguments."""
    conditions: list[str] = []
    arguments: list[Any] = []
    for condition, value in (
        ("webinar_id =", selection.webinar_id),
        ("id >", selection.after_id),
        ("id <", selection.before_id),
    ):
        if value is not None:
            conditions.append(f"{condition} {dialect.mark}")
            arguments.append(value)
    if selection.ids is not None:
        conditions.append(dialect.one_of)
        ids = list(selection.ids)
        arguments.append(str(ids) if dialect.json_ids else ids)
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    order = "DESC" if selection.newest_first else "ASC"
    clauses = f"{where}ORDER BY id {order} LIMIT {dialect.mark} OFFSET {dialect.mark}"
    return clauses, (*arguments, selection.limit, selection.offset)
