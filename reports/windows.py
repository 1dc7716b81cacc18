"""Cuts the run at the receipts' times into windows, for each cohort and for everybody.

Edges are what was measured, never what was planned. A fault opens windows only for the
cohorts that it hit. For everybody, the windows of a fault cover the users of those cohorts;
``before`` and ``after`` lie before the first and after the last fault of any. A fault without
proof of its first effect opens no window at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.receipts import Receipt
from reports.history import History
from reports.model import EVERYBODY, RUN, Window


@dataclass(frozen=True)
class Scope:
    """A window together with the users whom its figures are about."""

    window: Window
    users: NDArray[np.bool_]
    """By position in ``History.users``."""
    cohorts: frozenset[str]
    """Theirs."""
    fault: Receipt | None = None
    """The fault of a ``during`` or ``recovery`` window."""

    @property
    def seconds(self) -> float:
        """The window's length."""
        return self.window.end_s - self.window.begin_s

    def contains(self, t_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which moments lie in the window."""
        return (self.window.begin_s <= t_s) & (t_s < self.window.end_s)


def cut(
    receipts: Sequence[Receipt],
    cohort: str,
    *,
    begin_s: float,
    end_s: float,
    recovery_s: float,
) -> tuple[tuple[Window, Receipt | None], ...]:
    """The windows of one cohort (or ``all``), in order of time, each with its fault.

    ``during:x`` lasts from the first effect to the healing, or to the end where none was seen.
    ``recovery:x`` follows for ``recovery_s``, cut at the next first effect and at the end;
    while another fault still bites there is none. ``after`` begins where the last fault's
    recovery ended; what lies between two faults outside both is part of ``run`` alone.
    Windows without length are left out.
    """
    faults = sorted(
        (r for r in receipts if r.first_effect_s is not None and _hits(r, cohort)),
        key=lambda r: (r.first_effect_s, r.fault),
    )
    edges: list[tuple[str, float, float, Receipt | None]] = [(RUN, begin_s, end_s, None)]
    first = min((_first(r) for r in faults), default=end_s)
    edges.append(("before", begin_s, first, None))
    rest = begin_s
    for fault in faults:
        healed_s = _healed(fault, end_s)
        edges.append((f"during:{fault.fault}", max(_first(fault), begin_s), healed_s, fault))
        others = [f for f in faults if f is not fault and _meet(f, fault, cohort)]
        until_s = min(
            [healed_s + recovery_s]
            + [max(_first(f), healed_s) for f in others if _healed(f, end_s) > healed_s]
        )
        edges.append((f"recovery:{fault.fault}", healed_s, until_s, fault))
        rest = max(rest, min(healed_s + recovery_s, end_s))
    if faults:
        edges.append(("after", rest, end_s, None))
    return tuple(
        (Window(name=name, cohort=cohort, begin_s=begin, end_s=min(end, end_s)), fault)
        for name, begin, end, fault in edges
        if begin < min(end, end_s)
    )


def scopes(history: History) -> tuple[Scope, ...]:
    """All windows of everybody and of each cohort of the scenario, with their users."""
    names = tuple(c.name for c in history.settings.cohorts)
    of_user = history.users["cohort"].to_numpy(dtype=object)
    found: list[Scope] = []
    for cohort in (EVERYBODY, *names):
        for window, fault in cut(
            history.receipts,
            cohort,
            begin_s=history.begin_s,
            end_s=history.end_s,
            recovery_s=history.settings.recovery_s,
        ):
            hit = (cohort,) if cohort != EVERYBODY else names if fault is None else fault.cohorts
            users = np.array([name in hit for name in of_user], dtype=np.bool_)
            found.append(Scope(window, users, frozenset(hit), fault))
    return tuple(found)


def _hits(receipt: Receipt, cohort: str) -> bool:
    return cohort in (EVERYBODY, *receipt.cohorts)


def _first(receipt: Receipt) -> float:
    return receipt.first_effect_s if receipt.first_effect_s is not None else np.inf


def _healed(receipt: Receipt, end_s: float) -> float:
    return receipt.healed_s if receipt.healed_s is not None else end_s


def _meet(other: Receipt, fault: Receipt, cohort: str) -> bool:
    """Whether the other fault matters to the users of this fault's windows."""
    return cohort != EVERYBODY or bool(set(other.cohorts) & set(fault.cohorts))
