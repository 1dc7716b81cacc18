"""Which requests a planted defect strikes: a pure matter of their number, so that runs agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.server.defects import Defect, Defects


@dataclass(frozen=True)
class Share:
    """``count`` in a row of every ``every``, the first of them at the remainder ``first``."""

    every: int
    first: int = 0
    count: int = 1

    def holds(self, number: int) -> bool:
        """Whether the ``number``-th, counted from 1, is one of them."""
        return (number - self.first) % self.every < self.count


_ALL = Share(1)
SHARES: Mapping[Defect, Share] = MappingProxyType(
    {
        # Apart from each other, so that those planted together strike different sends.
        Defect.LOST_AFTER_ACK: Share(20),
        Defect.ACK_LOST: Share(20, 4),
        Defect.HTML_ERROR: Share(20, 8),
        Defect.EMPTY_BODY: Share(20, 12),
        Defect.WRONG_SCHEMA: Share(20, 16),
        Defect.POLL_ID_GAP: Share(10, 5),
        Defect.ERROR_BURST: Share(50, 30, 5),
    }
)
"""What is not here strikes always."""


def striking(defects: Defects, number: int, *, strike_all: str = "none") -> Defects:
    """Those of the planted ``defects`` that strike the ``number``-th, counted from 1; the one
    named ``strike_all`` strikes whatever the number."""
    return frozenset(
        one for one in defects if one == strike_all or SHARES.get(one, _ALL).holds(number)
    )
