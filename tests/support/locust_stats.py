"""Locust's statistics without the patching that importing Locust does to a process."""

from __future__ import annotations

import os
from unittest.mock import patch

with patch.dict(os.environ, LOCUST_SKIP_MONKEY_PATCH="1"):
    from locust.stats import RequestStats, StatsEntry

__all__ = ["RequestStats", "StatsEntry"]
