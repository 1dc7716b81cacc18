"""A fingerprint of what a run depends on, so that no result is used that no longer holds."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CODE = ("harness", "chaos", "reports", "scenarios", "locustfile.py", "constraints.txt")
LIBRARY = Path("scenarios/library")


def fingerprints(scenarios: Iterable[str]) -> dict[str, str]:
    """For each scenario: of the code as it lies there, committed or not, and of its own file. What
    other scenarios say does not matter to it."""
    files = _git("ls-files", "--cached", "--others", "--exclude-standard", *CODE).splitlines()
    every = sorted(path for name in set(files) if (path := Path(name)).parent != LIBRARY)
    code = sha256()
    for path in every:
        if (ROOT / path).is_file():  # one that is deleted and not committed is still listed
            code.update(f"{path}\0".encode() + sha256((ROOT / path).read_bytes()).digest())
    found = {}
    for name in scenarios:
        own = code.copy()
        own.update((ROOT / LIBRARY / f"{name}.toml").read_bytes())
        found[name] = own.hexdigest()[:16]
    return found


def commit() -> str:
    """Where the checkout stands; ``+`` behind it where something is not committed."""
    head = _git("rev-parse", "--short=10", "HEAD").strip()
    dirty = _git("status", "--porcelain", "--", *CODE).strip()
    return f"{head}+" if dirty else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout
