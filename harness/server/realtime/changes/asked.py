"""What a ``phx_join`` asks of ``postgres_changes``: bindings to the messages table. Pure.

A payload that makes no sense is no error on the wire: the join goes on with what was
understood, and a binding that cannot be served makes the channel joined but mute, with a
``system`` error that says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.server.realtime.changes import join_limits
from harness.server.realtime.changes.bindings import (
    Binding,
    Wanted,
    binding_id,
    parse_binding,
    serve,
)
from harness.server.realtime.filters.syntax import Condition

MAX_PROBLEM_CHARS = 10_000
"""A channel keeps what is wrong with its join for as long as it is joined."""


@dataclass(frozen=True)
class Join:
    """A join as understood."""

    bindings: tuple[Binding, ...]
    """Empty where none were asked for, or where ``problem`` is set."""
    echo: tuple[msgspec.Raw, ...]
    """Each binding as the client wrote it, plus its ``id``, in the client's order."""
    problem: str | None = None
    """Why the bindings cannot be served, as the ``system`` error says it."""


def parse_join(asked: dict[str, Any], beside: Iterable[Condition] = ()) -> Join:
    """Read the payload of a ``phx_join``, which must not be nested too deeply to be encoded.

    ``beside``: the filter conditions of the connection's other channels, which share a budget.
    """
    config = asked.get("config")
    wanted = config.get("postgres_changes") if isinstance(config, dict) else None
    # What is no binding at all is left out; genuinely, only null is, and the rest refuses the join.
    filters = [one for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []
    echo = tuple(
        msgspec.Raw(msgspec.json.encode({**one, "id": binding_id(one)})) for one in filters
    )
    bindings = _bind(filters, beside)
    return Join(
        bindings=() if isinstance(bindings, str) else bindings,
        echo=echo,
        problem=bindings[:MAX_PROBLEM_CHARS] if isinstance(bindings, str) else None,
    )


def mismatched(echo: tuple[msgspec.Raw, ...]) -> tuple[msgspec.Raw, ...]:
    """An echo that names another filter for each binding than was asked (binding-mismatch)."""
    asked = (msgspec.json.decode(one) for one in echo)
    return tuple(
        msgspec.Raw(msgspec.json.encode({**one, "filter": f"{one.get('filter') or 'id=eq.'}0"}))
        for one in asked
    )


def _bind(filters: list[dict[str, Any]], beside: Iterable[Condition]) -> tuple[Binding, ...] | str:
    """All bindings, or what is wrong with one of them: then none is served."""
    oversized = join_limits.too_much(filters)
    if oversized is not None:
        return oversized
    parsed = [parse_binding(one) for one in filters]
    malformed = next((one for one in parsed if isinstance(one, str)), None)
    if malformed is not None:
        return malformed
    wanted = [one for one in parsed if isinstance(one, Wanted)]
    costly = join_limits.too_costly(wanted, beside)
    if costly is not None:
        return costly
    served = [serve(one) for one in wanted]
    # The genuine server subscribes to the last one first.
    refused = next((one for one in reversed(served) if isinstance(one, str)), None)
    if refused is not None:
        return refused
    return tuple(one for one in served if isinstance(one, Binding))
