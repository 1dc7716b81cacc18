"""A kill leaves the page cache; only system calls show that an answer waited for the disk."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.server.builders import SECRET
from tests.harness.server.running import Server
from tests.support.required import skip_or_fail

pytestmark = pytest.mark.e2e

MARKER = "a body that is found in the trace"
_LINE = re.compile(r"(?P<pid>\d+) +(?P<text>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)")
_UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True)
class Call:
    """One system call of a trace."""

    begun: int
    """The line on which it began."""
    ended: int
    text: str


def calls_of(lines: list[str]) -> list[Call]:
    """The whole calls of ``strace -f``, which tears those apart that others interrupt."""
    calls: list[Call] = []
    open_calls: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        matched = _LINE.match(line)
        if matched is None:
            continue
        pid, text = matched["pid"], matched["text"]
        if text.endswith(_UNFINISHED):
            open_calls[pid] = (number, text.removesuffix(_UNFINISHED))
        elif resumed := _RESUMED.match(text):
            begun, beginning = open_calls.pop(pid)
            calls.append(Call(begun, number, beginning + resumed["rest"]))
        else:
            calls.append(Call(number, number, text))
    return calls


def matching(calls: list[Call], pattern: str) -> Iterator[Call]:
    return (call for call in calls if re.search(pattern, call.text))


def traced(database: Path, trace: Path) -> list[Call]:
    """What the server did for one message and its answer."""
    strace = shutil.which("strace")
    if strace is None:
        skip_or_fail("no strace here (Debian: apt install strace)")
    if subprocess.run([strace, "-o", trace, "true"], capture_output=True, check=False).returncode:
        skip_or_fail("strace may not trace here (a container needs the capability SYS_PTRACE)")
    command = [
        *(strace, "-f", "-yy", "-s", "20000", "-o", str(trace)),
        *("-e", "trace=fsync,fdatasync,write,pwrite64,writev,pwritev,sendto,sendmsg"),
        *(sys.executable, "-m", "harness.server", "--lifeline", "--database", str(database)),
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"CHATQUAKE_JWT_SECRET": SECRET},
    ) as process:
        with closing(Server(process)) as server:
            assert server.post(MARKER).status_code == 200
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)
    return calls_of(trace.read_text(errors="replace").splitlines())


def test_a_message_is_flushed_to_disk_between_its_write_and_its_answer(tmp_path: Path) -> None:
    calls = traced(tmp_path / "chat.db", tmp_path / "trace")
    written = list(matching(calls, rf"^pwrite64\(\d+<[^>]*chat\.db-wal>.*{MARKER}"))
    flushed = list(matching(calls, r"^(fsync|fdatasync)\(\d+<[^>]*chat\.db-wal>\) += 0"))
    (answered,) = matching(calls, r"^(write|writev|sendto|sendmsg)\(\d+<TCP.*HTTP/1.1 200 OK")

    before = [call for call in written if call.ended < answered.begun]
    assert before
    # The row and the log entry are pages of one transaction; the last of them is what counts.
    last = max(call.ended for call in before)
    assert any(last < call.begun and call.ended < answered.begun for call in flushed)


def test_a_torn_call_is_put_together() -> None:
    lines = [
        "7  fdatasync(3</w> <unfinished ...>",
        "8 write(1) = 1",
        "7 <... fdatasync resumed>) = 0",
    ]

    assert calls_of(lines) == [Call(1, 1, "write(1) = 1"), Call(0, 2, "fdatasync(3</w>) = 0")]
