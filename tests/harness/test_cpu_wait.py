"""Waiting for a CPU, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness import cpu_wait
from harness.cpu_wait import CpuWait, cpu_wait_s


def threads(proc: Path, **waited_ns: int) -> None:
    for tid, ns in waited_ns.items():
        thread = proc / "7" / "task" / tid.removeprefix("t")
        thread.mkdir(parents=True, exist_ok=True)
        (thread / "schedstat").write_text(f"999 {ns} 3\n")


def test_all_threads_of_the_process_count(tmp_path: Path) -> None:
    threads(tmp_path, t7=1_500_000_000, t8=250_000_000)
    assert cpu_wait_s(7, proc=tmp_path) == pytest.approx(1.75)


def test_a_thread_that_is_gone_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads(tmp_path, t7=1_000_000_000, t8=0)
    read = Path.read_text

    def gone(path: Path) -> str:
        if path.parent.name == "8":
            raise ProcessLookupError
        return read(path)

    monkeypatch.setattr(Path, "read_text", gone)
    assert cpu_wait_s(7, proc=tmp_path) == 1.0


@pytest.mark.parametrize("content", ["", "12", "a b c"])
def test_a_system_that_counts_nothing_says_nothing(tmp_path: Path, content: str) -> None:
    assert cpu_wait_s(7, proc=tmp_path) is None
    threads(tmp_path, t7=0)
    (tmp_path / "7" / "task" / "7" / "schedstat").write_text(content)
    assert cpu_wait_s(7, proc=tmp_path) is None


def test_a_share_is_the_waiting_since_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    totals = iter([1.0, 1.5, 1.5, None, 1.0, 0.5])
    monkeypatch.setattr(cpu_wait, "cpu_wait_s", lambda _pid: next(totals))
    wait = CpuWait(7, 10.0)
    assert wait.share(12.0) == 0.25
    assert wait.share(13.0) == 0.0
    assert wait.share(14.0) is None
    assert wait.share(15.0) is None, "there is nothing to compare with"
    assert wait.share(16.0) == 0.0, "a thread that ended took its seconds along"


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux counts it")
def test_the_kernel_is_asked_for_real() -> None:
    waited_s = cpu_wait_s(os.getpid())
    assert waited_s is not None
    assert waited_s >= 0.0
