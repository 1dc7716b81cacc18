"""What a request wants its answer to look like: ``Prefer``, ``Accept`` and ``Range``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from starlette.datastructures import Headers

from harness.server.rest.errors import RestError, not_served
from harness.server.rest.query import Query

SINGULAR = "application/vnd.pgrst.object+json"
_SERVED = ("*/*", "application/*", "application/json", SINGULAR)
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{0,18})")


@dataclass(frozen=True)
class Wish:
    """The shape of an answer."""

    representation: bool = False
    """Whether a write answers with the rows that it wrote."""
    count: bool = False
    """Whether to say how many rows there are in all."""
    singular: bool = False
    """One object and no list; anything but one row is an error then."""
    ignore_duplicates: bool = False
    """Whether a row that is there already is passed over in silence."""


def wish_of(headers: Headers) -> Wish:
    """Read the headers. What is not known in ``Prefer`` is passed over, as PostgREST does.

    Raises :class:`RestError` where nothing that is accepted is served.
    """
    accepted = [
        one.partition(";")[0].strip().lower() for one in headers.get("accept", "*/*").split(",")
    ]
    served = next((one for one in accepted if one in _SERVED), None)
    if served is None:
        listed = ", ".join(accepted)
        raise RestError(406, "PGRST107", f"None of these media types are available: {listed}")
    prefer = {one.strip() for line in headers.getlist("prefer") for one in line.split(",")}
    if "resolution=merge-duplicates" in prefer:
        # Passed over, an upsert would end as a plain insert, and nobody would know why.
        raise not_served("merging duplicates (upsert)")
    return Wish(
        representation="return=representation" in prefer,
        count="count=exact" in prefer,
        singular=served == SINGULAR,
        ignore_duplicates="resolution=ignore-duplicates" in prefer,
    )


def within_range(query: Query, header: str | None) -> Query:
    """``query`` within ``Range: <first>-<last>`` too. Raises :class:`RestError`."""
    found = _RANGE.fullmatch((header or "").strip())
    if found is None:
        return query
    first, last = int(found.group(1)), found.group(2)
    if last and int(last) < first:
        raise RestError(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            "The lower boundary must be lower than or equal to the upper boundary in the Range"
            " header.",
        )
    offset = max(query.offset, first)
    ends = [] if query.limit is None else [query.offset + query.limit]
    ends += [int(last) + 1] if last else []
    limit = max(0, min(ends) - offset) if ends else None
    return replace(query, offset=offset, limit=limit)


def content_range(offset: int, rows: int, total: int | None) -> str:
    """``0-24/25``; a star stands for what is nothing or not known."""
    where = f"{offset}-{offset + rows - 1}" if rows and total != 0 else "*"
    return f"{where}/{'*' if total is None else total}"
