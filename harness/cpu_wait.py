"""How long a process was ready to run and had no CPU: the plainest sign of a starved machine.

Linux counts it for each thread (the second field of ``/proc/<pid>/task/<tid>/schedstat``, in
nanoseconds; Documentation/scheduler/sched-stats.rst).
"""

from __future__ import annotations

from pathlib import Path

_NS = 1e-9


def cpu_wait_s(pid: int | str = "self", *, proc: Path = Path("/proc")) -> float | None:
    """Seconds of all threads so far; ``None`` where the system does not say."""
    total_ns = 0
    try:
        for thread in (proc / str(pid) / "task").iterdir():
            try:
                total_ns += int((thread / "schedstat").read_text().split()[1])
            except ProcessLookupError:
                continue  # this thread ended meanwhile
    except (OSError, ValueError, IndexError):
        return None
    return total_ns * _NS


class CpuWait:
    """The share of time that a process waited for a CPU since the last look."""

    __slots__ = ("_looked_s", "_pid", "_total_s")

    def __init__(self, pid: int | str, now_s: float) -> None:
        self._pid = pid
        self._looked_s = now_s
        self._total_s = cpu_wait_s(pid)

    def share(self, now_s: float) -> float | None:
        """Waiting seconds a second, of all threads together; ``None``: nobody counts them."""
        total_s, before_s = cpu_wait_s(self._pid), self._total_s
        took_s, self._looked_s, self._total_s = now_s - self._looked_s, now_s, total_s
        if total_s is None or before_s is None or took_s <= 0:
            return None
        # A thread that ended takes its seconds along.
        return max(0.0, (total_s - before_s) / took_s)
