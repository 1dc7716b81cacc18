"""The run directory: its files by name, and safe writing of each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RecordError, UsageError


@dataclass(frozen=True)
class RunDir:
    """Names of everything that a run leaves (docs/run-directory.md)."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> RunDir:
        """Make a new run directory. Raises :class:`UsageError` if it is there and not empty, or
        cannot be made."""
        try:
            if root.exists() and any(root.iterdir()):
                raise UsageError(f"{root}: exists and is not empty; choose another --out")
            (root / "events").mkdir(parents=True)
            (root / "logs").mkdir()
            (root / "server").mkdir()
        except OSError as error:
            raise UsageError(
                f"{root}: cannot be made a run directory: {error.strerror}; choose another --out"
            ) from None
        return cls(root)

    @classmethod
    def open(cls, root: Path) -> RunDir:
        """Use an existing run directory. Raises :class:`RecordError` if it is none."""
        if not (root / "settings.json").is_file():
            raise RecordError(f"{root}: not a run directory (it has no settings.json)")
        return cls(root)

    @property
    def events(self) -> Path:
        return self.root / "events"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def database(self) -> Path:
        """Of the bundled server; its last word where the server died."""
        return self.root / "server" / "chat.sqlite"

    @property
    def figures(self) -> Path:
        return self.root / "figures"

    @property
    def scenario(self) -> Path:
        return self.root / "scenario.toml"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"

    @property
    def plan(self) -> Path:
        return self.root / "plan.jsonl"

    @property
    def acts(self) -> Path:
        return self.root / "acts.jsonl"

    @property
    def commits(self) -> Path:
        return self.root / "commits.jsonl"

    @property
    def subscriptions(self) -> Path:
        return self.root / "subscriptions.jsonl"

    @property
    def receipts(self) -> Path:
        return self.root / "receipts.json"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.json"

    @property
    def verdict(self) -> Path:
        return self.root / "verdict.json"

    def write(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
