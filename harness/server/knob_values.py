"""What values a knob may have: told, read from texts and from JSON, and checked. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, get_type_hints

import msgspec

from harness import fields
from harness.errors import UsageError
from harness.near_names import near
from harness.server.knobs import Knobs

_SHOWN_CHARS = 60


def parse_knobs(assignments: Iterable[str]) -> Knobs:
    """Read ``NAME=VALUE`` texts; the last of a name holds.

    Raises :class:`UsageError` naming the bad one and what is allowed.
    """
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--knob {_shown(assignment)}: must be NAME=VALUE")
        if name not in Knobs.__struct_fields__:
            raise UsageError(f"--knob {_shown(name)}: no such knob; {_near(name)}")
        values[name] = _read("--knob", name, value, strict=False)
    return _checked("--knob", Knobs(**values))


def read_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Values that came as JSON, each as its knob has it.

    Raises :class:`UsageError` naming the bad one and what is allowed.
    """
    unknown = next((name for name in changes if name not in Knobs.__struct_fields__), None)
    if unknown is not None:
        raise UsageError(f"switches: {_shown(unknown)}: no such knob; {_near(unknown)}")
    return {name: _read("switches:", name, value, strict=True) for name, value in changes.items()}


def changed(knobs: Knobs, changes: Mapping[str, Any]) -> Knobs:
    """The knobs after ``changes``, which :func:`read_changes` has read.

    Raises :class:`UsageError` where they do not go with each other or with the others.
    """
    return _checked("switches:", msgspec.structs.replace(knobs, **changes))


def allowed(name: str) -> str:
    """What a knob may be, to be read after "must be"."""
    return fields.allowed(Knobs, name)


def _checked(where: str, knobs: Knobs) -> Knobs:
    """What no range of one knob can say."""
    least_s, most_s = knobs.resubscribe_min_s, knobs.resubscribe_max_s
    if least_s > most_s:
        raise UsageError(
            f"{where} resubscribe_min_s={least_s:g}: must be at most resubscribe_max_s={most_s:g}"
        )
    return knobs


def _read(where: str, name: str, value: Any, *, strict: bool) -> Any:
    hint = get_type_hints(Knobs, include_extras=True)[name]
    try:
        read = msgspec.convert(value, hint, strict=strict)
    except msgspec.ValidationError:
        read = math.nan
    if isinstance(read, float) and not math.isfinite(read):
        raise UsageError(f"{where} {name}={_shown(value)}: must be {allowed(name)}")
    return read


def _shown(value: Any) -> str:
    """A value in one line, whatever is in it."""
    text = json.dumps(value)
    if isinstance(value, str) and value.isascii() and value.isprintable():
        text = value
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def _near(name: str) -> str:
    return near(name[:_SHOWN_CHARS], Knobs.__struct_fields__)
