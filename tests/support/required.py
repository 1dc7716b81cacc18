"""Programs that a test needs and a machine may lack: a skip at home, a failure in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

VARIABLE = "CHATQUAKE_REQUIRE"


def skip_or_fail(reason: str) -> NoReturn:
    """End the test as skipped, or as failed where ``CHATQUAKE_REQUIRE=1`` says that all must run.

    ``reason`` says what is missing and how to get it.
    """
    if os.environ.get(VARIABLE) == "1":
        pytest.fail(f"{reason} ({VARIABLE}=1 forbids skipping)", pytrace=False)
    pytest.skip(reason)
