"""A fault that comes on by degrees: its one number grows, or shrinks, to what is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from chaos.faults.model import Fault, Ramping, Setting, Stage

SHORTEST_STEP_S = 0.1
"""Every step is told to every proxy and confirmed; closer ones would run into each other."""


class Ramp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first ``ramp_s`` of a fault in ``ramp_steps`` equal steps; the first at its begin, the
    last is the fault as written."""

    ramp_s: Annotated[float, Meta(gt=0, le=86_400, description="seconds, more than 0, up to for_s")]
    ramp_steps: Annotated[int, Meta(ge=2, le=100, description="a whole number from 2 to 100")] = 5

    @property
    def step_s(self) -> float:
        return self.ramp_s / self.ramp_steps


def ramping(type_: type[Fault]) -> Ramping | None:
    """The number of a kind that can grow by degrees; its ClassVar ``ramps``, where it has one."""
    found: Ramping | None = getattr(type_, "ramps", None)
    return found


def rungs(fault: Fault, ramp: Ramp) -> tuple[Fault, ...]:
    """The fault at each of the steps; the last is ``fault``.

    Raises :class:`ValueError` with a line where the kind cannot be such a one, or two steps are
    alike.
    """
    number = ramping(type(fault))
    assert number is not None  # chaos.faults.parse has refused it
    whole = getattr(fault, number.field)
    shares = [step / ramp.ramp_steps for step in range(1, ramp.ramp_steps + 1)]
    values: list[Any] = [number.rest + (whole - number.rest) * share for share in shares]
    values = [round(value) if isinstance(whole, int) else round(value, 6) for value in values]
    if len(set(values)) < len(values):
        raise ValueError(
            f"{ramp.ramp_steps} steps from {number.field} = {number.rest:g} to {whole:g} are not"
            " all different"
        )
    return (*(_with(fault, number.field, value) for value in values[:-1]), fault)


def _with(fault: Fault, field: str, value: float) -> Fault:
    """The fault with another number, checked like one from a scenario."""
    try:
        return msgspec.convert(msgspec.to_builtins(fault) | {field: value}, type(fault))
    except msgspec.ValidationError as error:
        raise ValueError(f"on the way to {field} = {getattr(fault, field):g}: {error}") from None


def ramp_stages(fault: Fault, ramp: Ramp, setting: Callable[[], Setting]) -> tuple[Stage, ...]:
    """The stages of a fault that is the same throughout but for the ramp.

    ``setting`` gives a fresh one for each step, so that all draw alike. Raises
    :class:`ValueError` as :func:`rungs` does.
    """
    found = []
    for index, rung in enumerate(rungs(fault, ramp)):
        (only,) = rung.stages(setting())
        found.append(Stage(round(index * ramp.step_s, 6), only.changes))
    return tuple(found)
