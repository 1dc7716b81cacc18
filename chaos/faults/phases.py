"""Named stretches of the load, to which the times of faults can be tied."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

from harness.errors import UsageError
from harness.runsettings import Text

_DAY_S = 86_400.0


class Phase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[phases]]``: a stretch of the load with a name. It does nothing by itself."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z",
            description="a name of letters, digits, - and _",
        ),
    ]
    at_s: Annotated[float, Meta(ge=0, le=_DAY_S)]
    """Seconds after the load begins."""
    for_s: Annotated[float, Meta(gt=0, le=_DAY_S)]
    title: Text | None = None
    """What it is about, for people."""

    @property
    def end_s(self) -> float:
        """Rounded to the microsecond, so that 0.1 + 0.2 meets a phase that begins at 0.3."""
        return round(self.at_s + self.for_s, 6)


def check_phases(phases: Sequence[Phase], *, where: str) -> None:
    """Raise :class:`UsageError` where two have one name or overlap; ``where`` is the file."""
    ordered = sorted(phases, key=lambda phase: phase.at_s)
    names = [phase.name for phase in ordered]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{where}: phases.{name}: is there twice; names must differ")
    for first, second in pairwise(ordered):
        if second.at_s < first.end_s:
            raise UsageError(
                f"{where}: phases.{second.name}.at_s: {second.at_s:g} lies in phase {first.name!r};"
                f" allowed: {first.end_s:g} or later"
            )
