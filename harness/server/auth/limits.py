"""How often one address may ask: a token bucket each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

BURST = 30
"""Requests that an address which was quiet may make at once."""
_WINDOW_S = 300.0
_MAX_ADDRESSES = 10_000


@dataclass
class RequestLimit:
    """Requests in five minutes, counted for each address by itself."""

    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    """What is left of an address's burst, and when that was."""

    def allows(self, address: str, per_5min: int, now_s: float) -> bool:
        """Whether one more request is within ``per_5min`` (0: any number); it counts if so."""
        if per_5min <= 0:
            return True
        left, then_s = self._left.pop(address, (float(BURST), now_s))
        left = min(float(BURST), left + (now_s - then_s) * per_5min / _WINDOW_S)
        allowed = left >= 1
        if len(self._left) >= _MAX_ADDRESSES:
            del self._left[next(iter(self._left))]  # whoever asked longest ago
        self._left[address] = (left - 1 if allowed else left, now_s)
        return allowed
