"""Wall-clock texts and dates of a server whose every moment is monotonic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class WallTime:
    """Where the wall clock stood when the process started; later steps of it do not matter."""

    offset_s: float
    """Unix time minus monotonic time."""

    def unix_s(self, at_s: float) -> float:
        """The Unix time of a monotonic moment."""
        return at_s + self.offset_s

    def monotonic_s(self, unix_s: float) -> float:
        """The monotonic moment of a Unix time."""
        return unix_s - self.offset_s

    def timestamptz(self, at_s: float) -> str:
        """As PostgreSQL's ``timestamptz`` looks in JSON: ``2026-11-23T10:00:00.123456+00:00``."""
        return self._utc(at_s).isoformat(timespec="microseconds")

    def commit_timestamp(self, at_s: float) -> str:
        """As Realtime writes it: ``2026-11-23T10:00:00.123Z``."""
        text = self._utc(at_s).isoformat(timespec="milliseconds")
        return text.removesuffix("+00:00") + "Z"

    def _utc(self, at_s: float) -> datetime:
        return datetime.fromtimestamp(self.unix_s(at_s), UTC)
