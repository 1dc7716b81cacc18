"""Random streams for one purpose each."""

from __future__ import annotations

from random import Random

import pytest

from harness import seeds
from harness.seeds import LateStream, stream


def test_a_late_stream_draws_what_the_stream_draws() -> None:
    late, plain = LateStream(7, "client", 3, "poll-jitter"), stream(7, "client", 3, "poll-jitter")

    assert [late.uniform(-1, 1), late.choice(range(99)), late.uniform(0, 5)] == [
        plain.uniform(-1, 1),
        plain.choice(range(99)),
        plain.uniform(0, 5),
    ]


def test_a_late_stream_is_made_with_its_first_draw_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    def make(seed: int) -> Random:
        made.append(seed)
        return Random(seed)

    monkeypatch.setattr(seeds, "Random", make)
    late = LateStream(7, "client", 3, "moderation")
    assert made == []

    late.uniform(0, 1)
    late.uniform(0, 1)

    assert len(made) == 1


def test_a_draw_from_one_stream_moves_nothing_in_another() -> None:
    alone = LateStream(7, "client", 3, "poll-jitter")
    beside, other = (
        LateStream(7, "client", 3, "poll-jitter"),
        LateStream(7, "client", 3, "moderation"),
    )
    drawn = [alone.uniform(0, 1) for _ in range(5)]

    among = []
    for _ in range(5):
        other.choice(range(9))
        among.append(beside.uniform(0, 1))

    assert among == drawn


def test_every_part_of_the_path_makes_another_stream() -> None:
    paths = (
        (7, "client", 3, "a"),
        (8, "client", 3, "a"),
        (7, "client", 4, "a"),
        (7, "client", 3, "b"),
    )

    assert len({stream(*path).random() for path in paths}) == len(paths)
