from __future__ import annotations

from harness.server.auth.limits import _MAX_ADDRESSES, BURST, RequestLimit


def test_a_burst_passes_and_then_one_for_each_share_of_five_minutes() -> None:
    limit = RequestLimit()

    assert [limit.allows("a", 150, 0.0) for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert not limit.allows("a", 150, 1.9)
    assert limit.allows("a", 150, 2.0)
    assert not limit.allows("a", 150, 2.0)


def test_a_long_rest_gives_no_more_than_a_burst() -> None:
    limit = RequestLimit()
    limit.allows("a", 150, 0.0)

    assert [limit.allows("a", 150, 1e6) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_each_address_is_counted_by_itself() -> None:
    limit = RequestLimit()
    for _ in range(BURST):
        limit.allows("a", 150, 0.0)

    assert limit.allows("b", 150, 0.0)
    assert not limit.allows("a", 150, 0.0)


def test_zero_is_no_limit() -> None:
    limit = RequestLimit()

    assert all(limit.allows("a", 0, 0.0) for _ in range(10 * BURST))


def test_only_so_many_addresses_are_remembered() -> None:
    limit = RequestLimit()
    for number in range(_MAX_ADDRESSES + 10):
        limit.allows(str(number), 150, 0.0)

    assert len(limit._left) == _MAX_ADDRESSES
