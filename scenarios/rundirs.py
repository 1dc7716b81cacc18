"""Where a run is written when nobody says where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.runsettings import Variant


def default_run_dir(name: str, variant: Variant) -> Path:
    """``runs/<UTC time>-<scenario>``, below the current directory; behind it which form it is."""
    form = "-".join((name, *variant.words))
    return Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{form}"
