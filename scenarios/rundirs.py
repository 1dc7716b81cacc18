"""Where a run is written when nobody says where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path


def default_run_dir(name: str) -> Path:
    """``runs/<UTC time>-<scenario>``, below the current directory."""
    return Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{name}"
