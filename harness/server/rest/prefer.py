"""What a request wants its answer to look like: ``Prefer``, ``Accept`` and ``Range``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from starlette.datastructures import Headers

from harness.server.rest.errors import RestError, not_served
from harness.server.rest.query import Query

SINGULAR = "application/vnd.pgrst.object+json"
_SERVED = ("*/*", "application/*", "application/json", SINGULAR)
_WRITES = ("POST", "PATCH", "DELETE")
_NUMBER = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{0,18})")


_KNOWN = frozenset(
    {
        *("resolution=merge-duplicates", "resolution=ignore-duplicates"),
        *("return=representation", "return=headers-only", "return=minimal"),
        *("count=exact", "count=planned", "count=estimated"),
        *("tx=commit", "tx=rollback", "missing=default", "missing=null"),
        *("handling=strict", "handling=lenient"),
    }
)
_KNOWN_NAMES = ("timezone=", "max-affected=")
_APPLIED = {
    "GET": ("count", "handling"),
    "HEAD": ("count", "handling"),
    "POST": ("resolution", "return", "count", "handling"),
    "PATCH": ("return", "count", "handling", "max-affected"),
    "DELETE": ("return", "count", "handling", "max-affected"),
}
"""Which preferences an answer names, in this order (``Response.hs``, ``responsePreferences``)."""


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
    max_affected: int | None = None
    """A write of more rows than this is refused and writes none."""
    applied: str = ""
    """``Preference-Applied``."""


def wish_of(headers: Headers, method: str) -> Wish:
    """Read the headers of a request. Of a preference that is there twice the first holds; what is
    not known is passed over, save with ``handling=strict`` (``Preferences.hs``).

    Every ``count`` is the exact one, for nobody plans queries here; a write does not count when it
    should only plan to. Raises :class:`RestError` where nothing that is accepted is served, and
    for preferences that cannot hold.
    """
    singular = _singular(headers)
    prefer = [one.strip() for line in headers.getlist("prefer") for one in line.split(",")]
    unknown = [one for one in prefer if one not in _KNOWN and not one.startswith(_KNOWN_NAMES)]
    held: dict[str, str] = {}
    for one in prefer:
        name, _, value = one.partition("=")
        if one not in unknown:
            held.setdefault(name, value)
    strict = held.get("handling") == "strict"
    if unknown and strict:
        message = "Invalid preferences given with handling=strict"
        raise RestError(400, "PGRST122", message, f"Invalid preferences: {', '.join(unknown)}")
    if held.get("resolution") == "merge-duplicates":
        # Passed over, an upsert would end as a plain insert, and nobody would know why.
        raise not_served("merging duplicates (upsert)")
    if held.get("tx") == "rollback":
        raise not_served("writes that are rolled back (tx=rollback)")
    most = held.get("max-affected", "")
    if not (strict and _NUMBER.fullmatch(most)):
        held.pop("max-affected", None)  # without strictness it binds nobody
    if held.get("return") == "headers-only":
        held.pop("return")  # its Location is not served, and not claimed
    counting = {"exact", "estimated"} if method in _WRITES else {"exact", "planned", "estimated"}
    return Wish(
        representation=held.get("return") == "representation",
        count=held.get("count") in counting,
        singular=singular,
        ignore_duplicates=held.get("resolution") == "ignore-duplicates",
        max_affected=int(most) if "max-affected" in held else None,
        applied=", ".join(f"{one}={held[one]}" for one in _APPLIED.get(method, ()) if one in held),
    )


def _singular(headers: Headers) -> bool:
    """Whether one object is accepted first. Raises :class:`RestError`."""
    accepted = [
        one.partition(";")[0].strip().lower() for one in (headers.get("accept") or "*/*").split(",")
    ]
    served = next((one for one in accepted if one in _SERVED), None)
    if served is None:
        listed = ", ".join(accepted)
        raise RestError(406, "PGRST107", f"None of these media types are available: {listed}")
    return served == SINGULAR


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
