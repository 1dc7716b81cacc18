"""What a ``phx_join`` asks for: a token and bindings to the messages table. Pure.

A payload that makes no sense is no error on the wire: the join goes on with what was
understood, and a binding that cannot be served makes the channel joined but mute, with a
``system`` error that says why.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.server.storage.model import Op
from harness.wire.changes import Filter

_ROOM_FILTER = re.compile(r"\Awebinar_id=eq\.(-?\d{1,18})\Z")
_ANY_FILTER = re.compile(r"\A\w+=(?:not\.)?[a-z]+\..*\Z", re.DOTALL)


@dataclass(frozen=True)
class Binding:
    """One ``postgres_changes`` binding that the server can serve."""

    id: int
    """Not zero; the same for the same filter on every connection."""
    event: str
    """``INSERT``, ``UPDATE``, ``DELETE`` or ``*``."""
    webinar_id: int | None
    """``None``: rows of every room."""

    def matches(self, op: Op, webinar_id: int | None) -> bool:
        """Whether a change passes. ``webinar_id`` is ``None`` where the filter cannot see it."""
        return self.event in ("*", op) and self.webinar_id in (None, webinar_id)


@dataclass(frozen=True)
class Join:
    """A join as understood."""

    access_token: str | None
    """``None``: the connection's own token holds."""
    bindings: tuple[Binding, ...]
    """Empty where none were asked for, or where ``problem`` is set."""
    echo: tuple[msgspec.Raw, ...]
    """Each binding as the client wrote it, plus its ``id``, in the client's order."""
    problem: str | None = None
    """Why the bindings cannot be served, as the ``system`` error says it."""


class _Config(msgspec.Struct, frozen=True):
    postgres_changes: list[dict[str, Any] | None] | None = None


class _Payload(msgspec.Struct, frozen=True):
    config: _Config | None = None
    access_token: str | None = None
    user_token: str | None = None


def parse_join(payload: msgspec.Raw) -> Join:
    """Read the payload of a ``phx_join``; never raises."""
    try:
        asked = msgspec.json.decode(payload, type=_Payload)
    except msgspec.DecodeError:
        asked = _Payload()
    wanted = (asked.config and asked.config.postgres_changes) or []
    filters = [one for one in wanted if one is not None]
    served = [_bind(one) for one in filters]
    echo = tuple(
        msgspec.Raw(msgspec.json.encode({**one, "id": binding_id(one)})) for one in filters
    )
    problem = next((one for one in served if isinstance(one, str)), None)
    bindings = tuple(one for one in served if isinstance(one, Binding))
    return Join(
        access_token=own_token(asked.access_token or asked.user_token),
        bindings=() if problem else bindings,
        echo=echo,
        problem=problem,
    )


class _TokenPush(msgspec.Struct, frozen=True):
    access_token: str | None = None


def parse_token_push(payload: msgspec.Raw) -> str | None:
    """The token of an ``access_token`` push; ``None`` where there is nothing to take over."""
    try:
        return own_token(msgspec.json.decode(payload, type=_TokenPush).access_token)
    except msgspec.DecodeError:
        return None


def own_token(token: str | None) -> str | None:
    """``None`` for an absent token and for API keys of the ``sb_`` kind, which name no user."""
    return None if not token or token.startswith("sb_") else token


def binding_id(asked: dict[str, Any]) -> int:
    """A 27-bit number that follows from the filter alone, as the genuine server's does."""
    canonical = msgspec.json.encode(asked, order="deterministic")
    # Clients take an id of 0 for "absent".
    return zlib.crc32(canonical) & 0x7FF_FFFF or 1


def _bind(asked: dict[str, Any]) -> Binding | str:
    """The binding asked for, or why it cannot be served."""
    try:
        wanted = msgspec.convert(asked, Filter)
    except msgspec.ValidationError:
        return _unable(asked)
    if wanted.filter is not None and not _ANY_FILTER.match(wanted.filter):
        return f'Error parsing `filter` params: ["{wanted.filter}"]'
    event = wanted.event.upper()
    room = None if wanted.filter is None else _ROOM_FILTER.match(wanted.filter)
    served = (
        event in ("INSERT", "UPDATE", "DELETE", "*")
        and wanted.schema in ("public", "*")
        and wanted.table in ("messages", "*", None)
        and (room is not None or wanted.filter is None)
    )
    if not served:
        return _unable(asked)
    return Binding(binding_id(asked), event, None if room is None else int(room.group(1)))


def _unable(asked: dict[str, Any]) -> str:
    return (
        "Unable to subscribe to changes with given parameters. Please check Realtime is enabled"
        f" for the given connect parameters: [event: {asked.get('event')},"
        f" schema: {asked.get('schema')}, table: {asked.get('table')},"
        f" filters: [{asked.get('filter') or ''}], select: nil]"
    )
