"""What the ways to a Toxiproxy share: the machine they act on, and how one says no."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.toxiproxy.release import platform_name, version_in
from harness.guard import guarded

Say = Callable[[str], None]
"""Takes one line of progress for the user."""

_VERSION_WITHIN_S = 5.0
_REASON_CHARS = 300


class WayClosed(Exception):
    """This way leads to no Toxiproxy; its text is the reason. The next way is tried."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the ways look at of the machine, so that a test can stand in for it."""

    platform: str
    """As the release names it: ``linux_amd64``."""
    python: str
    """The Python that a throw-away environment is made with."""
    environ: Mapping[str, str]
    """Read for ``PATH``, ``HOME`` and ``XDG_CACHE_HOME``; given to Go and pip."""


def this_machine() -> Machine:
    """The machine we run on, as it is now."""
    return Machine(
        platform=platform_name(platform.system(), platform.machine()),
        python=sys.executable,
        environ=dict(os.environ),
    )


def version_of(binary: Path) -> str:
    """Ask a server binary for its version.

    Raises:
        WayClosed: it cannot be run, or prints no version.
    """
    try:
        answer = subprocess.run(
            [str(binary), "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_WITHIN_S,
            check=False,
        )
    except OSError as error:
        raise WayClosed(f"{binary} cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise WayClosed(f"{binary} -version did not end in {_VERSION_WITHIN_S:g} s") from error
    version = version_in(answer.stdout + answer.stderr)
    if version is None or answer.returncode != 0:
        raise WayClosed(f"{binary} -version does not say which Toxiproxy it is")
    return version


def run_to_end(command: Sequence[str], environ: Mapping[str, str], limit_s: float) -> str:
    """Run a foreign command under the guard and return what it printed, errors included.

    Raises:
        WayClosed: it failed or was not done in ``limit_s``; with the last line it printed.
    """
    with tempfile.TemporaryFile() as output:
        guard = subprocess.Popen(
            guarded(command), stdin=subprocess.PIPE, stdout=output, stderr=output, env=environ
        )
        try:
            code: int | None = guard.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            guard.communicate()  # closes its stdin, at which the guard ends the command
        output.seek(0)
        printed = output.read().decode(errors="replace")
    if code == 0:
        return printed
    how = f"was not done in {limit_s:g} s" if code is None else f"failed with code {code}"
    last = (printed.strip().splitlines() or ["it printed nothing"])[-1]
    raise WayClosed(f"{Path(command[0]).name} {how}: {last[:_REASON_CHARS]}")
