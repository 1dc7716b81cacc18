from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.realtime.effects import Effect, Publish
from harness.server.realtime.quotas import Quotas, RateMeter, plan
from harness.wire.phoenix import EMPTY, Frame


def published(receivers: int) -> list[Effect]:
    frame = Frame(None, None, "realtime:a", "postgres_changes", EMPTY)
    return [Publish("2.0.0", frame, tuple(range(receivers)))]


def test_the_average_moves_at_the_end_of_a_bucket_only() -> None:
    meter = RateMeter()
    meter.add(1000, 0.0)

    assert meter.average(4.99) == 0.0
    assert meter.average(5.0) == 1000 / 2 / 5  # the empty first bucket and this one


def test_the_same_rush_weighs_less_once_all_buckets_are_there() -> None:
    meter = RateMeter()
    meter.add(0, 0.0)
    meter.add(1000, 600.0)

    assert meter.average(605.0) == pytest.approx(1000 / 60)


def test_a_rush_is_forgotten_after_a_minute() -> None:
    meter = RateMeter()
    meter.add(1000, 0.0)

    assert meter.average(64.9) == pytest.approx(1000 / 60)
    assert meter.average(65.0) == 0.0


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 20)), min_size=1, max_size=40))
def test_the_average_is_that_of_the_last_whole_buckets(steps: list[tuple[int, float]]) -> None:
    meter = RateMeter()
    meter.add(0, 0.0)
    now_s = 0.0
    counts: dict[int, int] = {}
    for count, wait_s in steps:
        now_s += wait_s
        meter.add(count, now_s)
        counts[int(now_s // 5)] = counts.get(int(now_s // 5), 0) + count

    present = int(now_s // 5)
    buckets = [counts.get(number, 0) for number in range(max(0, present - 12), present)]
    first = [0] if present < 12 else []
    expected = sum(buckets) / (len(buckets) + len(first)) / 5
    assert meter.average(now_s) == pytest.approx(expected)


def test_changes_over_the_limit_reach_nobody_and_are_counted() -> None:
    quotas = Quotas(lambda: plan("pro"))

    assert quotas.publish_change(lambda: published(6000), 0.0) != []
    assert quotas.publish_change(lambda: published(1), 4.0) != []
    assert quotas.publish_change(lambda: published(1), 5.0) == []
    assert quotas.changes_discarded == 1
    assert quotas.publish_change(lambda: published(1), 65.0) != []


def test_a_quota_that_counts_as_used_up_discards_every_change_until_it_does_not() -> None:
    used_up = True
    quotas = Quotas(lambda: plan("off"), used_up=lambda: used_up)

    assert quotas.publish_change(lambda: published(1), 0.0) == []
    assert quotas.changes_discarded == 1
    used_up = False
    assert quotas.publish_change(lambda: published(1), 0.1) != []


def test_a_webinar_of_500_on_pro_takes_about_one_message_a_second() -> None:
    def passed(every_s: float) -> float:
        quotas = Quotas(lambda: plan("pro"))
        moments = [number * every_s for number in range(int(600 / every_s))]
        sent = [quotas.publish_change(lambda: published(500), now_s) for now_s in moments]
        return sum(map(bool, sent)) / 600

    assert passed(every_s=1.1) == pytest.approx(1 / 1.1, rel=0.02)
    assert passed(every_s=0.25) < 1.2


def test_without_a_plan_nothing_is_limited_but_the_size_of_a_payload() -> None:
    quotas = Quotas(lambda: plan("off"))
    quotas.messages.add(10**9, 0.0)
    quotas.joins.add(10**9, 0.0)
    quotas.presence.add(10**9, 0.0)

    assert not quotas.too_many_messages(5.0)
    assert not quotas.too_many_joins(5.0)
    assert quotas.take_presence(5.0)
    assert not quotas.plan.fits(5_000_000)


def test_a_connection_counts_once_and_until_it_is_gone() -> None:
    quotas = Quotas(lambda: plan("free"))
    for number in range(200):
        quotas.count_connection(number)
        quotas.count_connection(number)

    assert not quotas.has_room()
    assert not quotas.has_room(200)
    assert quotas.has_room(7)
    quotas.forget_connection(7)
    assert quotas.has_room(200)


@pytest.mark.parametrize(("name", "kb"), [("free", 256), ("pro", 3000), ("team", 3000)])
def test_a_payload_must_fit_the_plan(name: str, kb: int) -> None:
    limits = plan(name)  # type: ignore[arg-type] # parametrized by name

    assert limits.fits(kb * 1000 + 500)
    assert not limits.fits(kb * 1000 + 501)
