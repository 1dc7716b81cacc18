from __future__ import annotations

from harness.server.walltime import WallTime

# 2026-11-18T11:33:20Z
WALL = WallTime(1_795_001_600.0)


def test_a_monotonic_moment_becomes_a_timestamptz() -> None:
    assert WALL.timestamptz(0.25) == "2026-11-18T11:33:20.250000+00:00"


def test_a_commit_timestamp_has_milliseconds_and_z() -> None:
    assert WALL.commit_timestamp(0.25) == "2026-11-18T11:33:20.250Z"


def test_both_directions_meet() -> None:
    assert WALL.monotonic_s(WALL.unix_s(12.5)) == 12.5
