"""Where a request carries its token and its project's key. Whether they are any good, and how a
refusal is worded, is each edge's own matter. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """What follows ``Authorization: Bearer`` and one space, as it stands; it may be empty.

    ``None`` where the header is missing or of another scheme. ``headers``: lower-case names.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def api_key_of(headers: Mapping[str, str], query: Mapping[str, str] = _NOTHING) -> str | None:
    """The ``apikey`` of a request, its header before its query; ``None`` where both are empty."""
    return headers.get("apikey") or query.get("apikey") or None
