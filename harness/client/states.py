"""State tables: every transition of a part in one dict, as h11 does it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from harness.errors import LocalProtocolError

State = TypeVar("State", bound=Enum)
Trigger = TypeVar("Trigger", bound=Enum)


def after(table: Mapping[tuple[State, Trigger], State], state: State, trigger: Trigger) -> State:
    """The state that follows. Raises :class:`LocalProtocolError` where the table has none."""
    try:
        return table[state, trigger]
    except KeyError:
        raise LocalProtocolError(
            f"{type(state).__name__} {state.name} does not allow {trigger.name}"
        ) from None
