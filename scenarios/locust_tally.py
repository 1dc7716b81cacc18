"""Many requests of one name, merged into Locust's statistics at once.

Locust's ``request`` event takes several microseconds each, as much as everything else that a
delivery needs. Its own ``StatsEntry.extend``, by which a master adds up its workers, takes
any number together and gives the same figures.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # importing Locust patches the process, which is the load process's to decide
    from locust.stats import RequestStats


class Tally:
    """Requests since the last merge."""

    __slots__ = ("_bytes", "_method", "_name", "_took_s")

    def __init__(self, method: str, name: str) -> None:
        self._method = method
        self._name = name
        self._took_s = array("d")
        self._bytes = 0

    def add(self, took_s: float, content_bytes: int) -> None:
        """Count one. A negative duration (two hosts' clocks) counts as none."""
        self._took_s.append(took_s)
        self._bytes += content_bytes

    def merge_into(self, stats: RequestStats, now_s: float) -> None:
        """Add what was counted, as requests of this second, and begin anew."""
        if not self._took_s:
            return
        from locust import stats as locust_stats  # noqa: PLC0415 - see above; loaded long ago

        entry = locust_stats.StatsEntry(stats, self._name, self._method)
        took_ms = np.maximum(np.frombuffer(self._took_s, np.float64), 0.0) * 1000.0
        entry.num_requests = len(took_ms)
        entry.total_response_time = float(took_ms.sum())
        entry.min_response_time = float(took_ms.min())
        entry.max_response_time = float(took_ms.max())
        # Locust's buckets are a millisecond wide or more, so a hundredth of one moves nobody far.
        near_ms, counts = np.unique(took_ms.round(2), return_counts=True)
        for response_ms, count in zip(near_ms.tolist(), counts.tolist(), strict=True):
            entry.response_times[locust_stats.bucket_response_time(response_ms)] += count
        entry.num_reqs_per_sec[int(now_s)] = len(took_ms)
        entry.last_request_timestamp = now_s
        entry.total_content_length = self._bytes
        stats.get(self._name, self._method).extend(entry)
        stats.total.extend(entry)
        self._took_s = array("d")
        self._bytes = 0
