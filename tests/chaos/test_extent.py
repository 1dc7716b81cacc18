"""How many of the users' sockets a fault hit, on small histories with a known answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chaos.extent import Sockets, rows_by_room, with_extents
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.user_records import user_records
from harness.commitlog import Commit
from harness.receipts import Extent, Receipt
from harness.records import Event, PageOpened, PersonActed, SocketClosed, SocketOpened

USERS = 40
BEGIN_S, END_S = 110.0, 120.0


def fault(kind: str, **keys: Any) -> ScheduledFault:
    table = {"name": "f", "kind": kind, "on": "realtime", "at_s": 10, "for_s": 10, **keys}
    (found,) = parse_faults([table], where="x", cohorts=("a", "b"), seed=1)
    return found


RECEIPT = Receipt(
    fault="f",
    kind="",
    cohorts=("a",),
    proxies=(),
    planned_begin_s=BEGIN_S,
    planned_end_s=END_S,
    requested_s=BEGIN_S,
    applied_s=BEGIN_S,
    first_effect_s=BEGIN_S,
    last_effect_s=END_S,
    heal_requested_s=END_S,
    heal_applied_s=END_S,
    healed_s=END_S,
)


def pages(cohort: str = "a") -> list[Event]:
    found: list[Event] = []
    for user in range(USERS):
        found.append(PageOpened(t_s=90, user=user, user_id="", room=1, cohort=cohort))
        found.append(SocketOpened(t_s=91, user=user, attempt=1))
    return found


def cut(users: range, at_s: float = BEGIN_S + 0.1) -> list[Event]:
    return [
        SocketClosed(t_s=at_s, user=user, attempt=1, was_open=True, code=1006) for user in users
    ]


def rows(every_s: float = 0.5) -> list[Commit]:
    return [
        Commit(
            seq=n,
            op="INSERT",
            row_id=n,
            webinar_id=1,
            user_id="",
            client_msg_id="",
            body="",
            committed_s=100 + n * every_s,
        )
        for n in range(int(25 / every_s))
    ]


def seen(delay_s: Callable[[int, float], float]) -> dict[tuple[int, int], float]:
    """By how much each row comes later, by user and commit."""
    return {
        (user, row.row_id): row.committed_s + delay_s(user, row.committed_s)
        for row in rows()
        for user in range(USERS)
    }


def measured(
    one: ScheduledFault,
    events: list[Event],
    *,
    commits: list[Commit] | None = None,
    came: dict[tuple[int, int], float] | None = None,
    others: tuple[ScheduledFault, ...] = (),
) -> Receipt:
    sockets = Sockets(
        records=user_records(events),
        rows_of=rows_by_room(rows() if commits is None else commits),
        seen=came or {},
    )
    (receipt,) = with_extents([one, *others], [RECEIPT], sockets)
    return receipt


def within(begin_s: float) -> bool:
    return BEGIN_S <= begin_s < END_S


def test_of_a_refused_connection_every_open_socket_is_cut() -> None:
    receipt = measured(fault("refused", cohorts=["a"]), [*pages(), *cut(range(USERS))])

    assert receipt.extent == Extent(unit="sockets", hit=40, of=40)
    assert receipt.problems == ()


def test_far_fewer_than_planned_is_no_chance() -> None:
    receipt = measured(fault("refused", cohorts=["a"]), [*pages(), *cut(range(30))])

    assert receipt.extent == Extent(unit="sockets", hit=30, of=40)
    assert [problem.en for problem in receipt.problems] == [
        "it hit 30 of 40 open WebSockets, too few for a share of 100%"
    ]


def test_far_more_than_planned_is_no_chance_either() -> None:
    some = fault("reset", cohorts=["a"], share=0.1)

    all_of_them = measured(some, [*pages(), *cut(range(USERS))])
    a_few = measured(some, [*pages(), *cut(range(7))])

    assert [problem.en for problem in all_of_them.problems] == [
        "it hit 40 of 40 open WebSockets, too many for a share of 10%"
    ]
    assert a_few.extent == Extent(unit="sockets", hit=7, of=40)
    assert a_few.problems == ()


def test_sockets_of_other_cohorts_and_those_that_come_later_are_not_counted() -> None:
    late = [SocketOpened(t_s=BEGIN_S + 1, user=0, attempt=2)]
    one = fault("refused", cohorts=["a"])

    assert measured(one, pages("b")).extent is None
    assert measured(one, [*pages(), *late, *cut(range(USERS))]).extent == Extent(
        unit="sockets", hit=40, of=40
    )


def test_who_hears_nothing_for_reasons_of_their_own_says_nothing() -> None:
    asleep = [
        PersonActed(t_s=105, user=user, number=0, planned_s=105, act="close_lid")
        for user in range(30)
    ]
    receipt = measured(fault("refused", cohorts=["a"]), [*pages(), *asleep, *cut(range(30, 40))])

    assert receipt.extent == Extent(unit="sockets", hit=10, of=10)


def test_a_reset_is_not_measured_where_nothing_was_sent() -> None:
    assert measured(fault("reset", cohorts=["a"]), pages(), commits=[]).extent is None


def test_of_a_stall_those_are_hit_whose_rows_do_not_come() -> None:
    one = fault("half_open", cohorts=["a"], share=0.5)
    came = seen(lambda user, t_s: 9.0 if user < 20 and within(t_s) else 0.1)

    assert measured(one, pages(), came=came).extent == Extent(unit="sockets", hit=20, of=40)


@pytest.mark.parametrize(("delay_s", "hit"), [(1.1, 40), (0.3, 0)])
def test_of_latency_those_are_hit_whose_rows_come_late(delay_s: float, hit: int) -> None:
    one = fault("latency", cohorts=["a"], latency_ms=1000)
    receipt = measured(one, pages(), came=seen(lambda _, t_s: delay_s if within(t_s) else 0.1))

    assert receipt.extent == Extent(unit="sockets", hit=hit, of=40)
    assert (receipt.problems == ()) == (hit == 40)


def test_where_rows_were_late_before_lateness_says_nothing() -> None:
    one = fault("latency", cohorts=["a"], latency_ms=1000)

    assert measured(one, pages(), came=seen(lambda *_: 1.1)).extent is None


@pytest.mark.parametrize(
    "one",
    [
        fault("refused", on="api"),
        fault("latency", latency_ms=100),
        fault("latency", latency_ms=5000, direction="upstream"),
        fault("handshake_hangs"),
        fault("ttl", ttl_s=1),
    ],
)
def test_what_the_users_sockets_cannot_show_is_not_measured(one: ScheduledFault) -> None:
    assert measured(one, [*pages(), *cut(range(3))]).extent is None


def test_two_faults_at_once_on_the_same_users_are_not_measured() -> None:
    other = fault("latency", name="other", on="api", latency_ms=100, at_s=15)

    one = fault("refused", cohorts=["a"])
    assert measured(one, [*pages(), *cut(range(USERS))], others=(other,)).extent is None


def test_chance_is_computed_for_many_users_too() -> None:
    one = fault("refused", cohorts=["a"])
    many = [
        event
        for user in range(3000)
        for event in (
            PageOpened(t_s=90, user=user, user_id="", room=1, cohort="a"),
            SocketOpened(t_s=91, user=user, attempt=1),
        )
    ]

    assert measured(one, [*many, *cut(range(2990))]).problems == ()
    assert measured(one, [*many, *cut(range(1500))]).problems != ()
