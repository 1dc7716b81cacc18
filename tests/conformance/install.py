"""The vendors' clients, installed beside the tests in the exact versions of the lock files.

Both folders are git-ignored. They are made anew when their lock file changes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.required import skip_or_fail

NODE = Path(__file__).parent / "node"
PYTHON = Path(__file__).parent / "python"
_PATIENCE_S = 300


def node_modules() -> None:
    """Install the JavaScript clients; the test is skipped, and says why, where that cannot be."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            skip_or_fail(f"{tool} is not installed; the genuine JavaScript clients need it")
    installed = NODE / "node_modules"
    lock = NODE / "package-lock.json"
    if not _is_of(installed, lock):
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], NODE)
        _mark(installed, lock)


def python_executable() -> Path:
    """Install the Python client in an environment of its own; returns that one's Python."""
    installed = PYTHON / ".venv"
    lock = PYTHON / "requirements.txt"
    python = installed / "bin" / "python"
    if not _is_of(installed, lock):
        shutil.rmtree(installed, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(installed)], PYTHON)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", "-r", str(lock)], PYTHON)
        _mark(installed, lock)
    return python


def _run(command: Sequence[str], cwd: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        skip_or_fail(f"{' '.join(command)}: not done within {_PATIENCE_S} s")
    if done.returncode:
        skip_or_fail(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-2000:]}")


def _is_of(installed: Path, lock: Path) -> bool:
    stamp = installed / ".lock-sha256"
    return stamp.is_file() and stamp.read_text(encoding="ascii") == _hash(lock)


def _mark(installed: Path, lock: Path) -> None:
    (installed / ".lock-sha256").write_text(_hash(lock), encoding="ascii")


def _hash(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()
