"""The proof of faults in the browser, on small records with a known answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from chaos.browsers import browser_receipts
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.user_records import user_records
from harness.receipts import Extent, Receipt
from harness.records import (
    CLOSED_BY_EXTENSION,
    REFUSED_BY_EXTENSION,
    Event,
    OnlineChanged,
    PageClosed,
    PageOpened,
    PersonActed,
    RequestRepeated,
    RigSample,
    SocketClosed,
    SocketOpened,
    VisibilityChanged,
)
from harness.runsettings import ActKind, PlannedAct

ZERO_S = 1000.0
"""When the load begins."""
AT_S, END_S = 10.0, 15.0
COHORT = {1: "chrome", 2: "chrome", 3: "incognito"}


def fault(kind: str, **keys: Any) -> ScheduledFault:
    table = {"name": "f", "kind": kind, "cohorts": ["chrome"], "at_s": AT_S, "for_s": 5, **keys}
    (found,) = parse_faults([table], where="x", cohorts=("chrome", "incognito"), seed=1)
    return found


def opened(users: Iterable[int] = COHORT) -> list[Event]:
    """Pages with an open WebSocket, from before the load on."""
    events: list[Event] = []
    for user in users:
        events.append(
            PageOpened(t_s=990, user=user, user_id=f"u{user}", room=1, cohort=COHORT[user])
        )
        events.append(SocketOpened(t_s=991, user=user, attempt=1))
    return events


def planned(user: int, *acts: tuple[float, ActKind]) -> list[PlannedAct]:
    return [
        PlannedAct(user=user, number=number, at_s=at_s, act=act, fault="f")
        for number, (at_s, act) in enumerate(acts)
    ]


def acted(plan: Iterable[PlannedAct], late_s: float = 0.0) -> list[Event]:
    return [
        PersonActed(
            t_s=ZERO_S + act.at_s + late_s,
            user=act.user,
            number=act.number,
            planned_s=ZERO_S + act.at_s,
            act=act.act,
            fault=act.fault,
        )
        for act in plan
    ]


def noticed(user: int, late_s: float = 0.0) -> list[Event]:
    """What a page notices of a hidden tab that comes back."""
    return [
        VisibilityChanged(t_s=ZERO_S + AT_S + late_s, user=user, visible=False),
        VisibilityChanged(t_s=ZERO_S + END_S + late_s, user=user, visible=True),
    ]


def prove(
    one: ScheduledFault, plan: list[PlannedAct], events: list[Event], drawn: Iterable[int] = (1, 2)
) -> Receipt:
    receipts = browser_receipts(
        [one],
        plan,
        {"f": frozenset(drawn)},
        user_records(events),
        load_begins_at_s=ZERO_S,
    )
    return receipts["f"]


def words(receipt: Receipt) -> list[str]:
    return [problem.en for problem in receipt.problems]


HIDING: list[tuple[float, ActKind]] = [(AT_S, "hide"), (END_S, "show")]
BOTH = [act for user in (1, 2) for act in planned(user, *HIDING)]
AWAY = [*opened(), *acted(BOTH), *noticed(1), *noticed(2)]


def test_a_fault_that_all_its_users_did_and_noticed_is_proved_from_begin_to_end() -> None:
    receipt = prove(fault("hidden"), BOTH, AWAY)

    assert receipt.problems == ()
    assert receipt.first_effect_s == ZERO_S + AT_S
    assert receipt.healed_s == ZERO_S + END_S
    assert receipt.extent == Extent(unit="users", hit=2, of=2)
    assert receipt.effect.en == "2 of 2 users hit: pages hidden 2"


def test_a_fault_of_which_the_records_have_nothing_is_no_fault() -> None:
    receipt = prove(fault("hidden"), BOTH, opened())

    assert receipt.first_effect_s is None
    assert receipt.healed_s is None
    assert words(receipt) == ["4 of 4 planned acts were never done"]


def test_acts_that_no_page_noticed_are_no_proof() -> None:
    receipt = prove(fault("hidden"), BOTH, [*opened(), *acted(BOTH)])

    assert receipt.first_effect_s is None
    assert words(receipt) == [
        "the open pages of 2 of its users show nothing of it",
        "no page of its 2 users noticed anything of it",
    ]


def test_a_user_who_was_left_out_is_told() -> None:
    events = [event for event in AWAY if event.t_s < ZERO_S or getattr(event, "user", 0) != 2]

    assert words(prove(fault("hidden"), BOTH, events)) == ["2 of 4 planned acts were never done"]


@pytest.mark.parametrize(
    ("late_s", "lag_s", "sound"),
    [(0.09, 0, True), (0.5, 0, False), (0.5, 0.5, True), (-0.2, 0, False)],
)
def test_it_may_be_late_by_100_ms_and_what_the_load_itself_lagged(
    late_s: float, lag_s: float, sound: bool
) -> None:
    sample = RigSample(
        t_s=ZERO_S + AT_S + 0.7,
        process="load",
        cpu_share=0.1,
        loop_lag_s=lag_s,
        rss_bytes=1,
        open_fds=1,
    )
    at_end = [act for act in BOTH if act.act == "show"]
    begun = [act for act in BOTH if act.act == "hide"]
    noticing = [e for user in (1, 2) for e in noticed(user, late_s)[:1] + noticed(user)[1:]]
    events = [*opened(), *acted(begun, late_s), *acted(at_end), *noticing, sample]

    problems = words(prove(fault("hidden"), BOTH, events))

    late = f"2 of 4 acts were up to {abs(late_s):.2f} s off their moment"
    assert problems == ([] if sound else [late])


def test_a_user_of_another_cohort_who_does_its_acts_is_told() -> None:
    stray = acted(planned(3, *HIDING))

    receipt = prove(fault("hidden"), BOTH, [*AWAY, *stray])

    assert words(receipt) == ["users were hit who should not be: incognito 1"]


def test_a_plan_for_another_cohort_is_told_too() -> None:
    plan = planned(3, *HIDING)

    receipt = prove(fault("hidden"), plan, [*opened(), *acted(plan), *noticed(3)], drawn=(3,))

    assert "users were hit who should not be: incognito 1" in words(receipt)
    assert receipt.first_effect_s is None


def test_who_has_no_page_open_cannot_be_hit_and_that_is_said() -> None:
    closed = PageClosed(t_s=ZERO_S + 5, user=2, pending=(), failed=())
    plan = planned(1, *HIDING)

    receipt = prove(fault("hidden"), plan, [*opened(), closed, *acted(plan), *noticed(1)])

    assert receipt.problems == ()
    assert receipt.effect.en == "1 of 2 users hit, 1 without an open page: pages hidden 1"
    assert receipt.extent == Extent(unit="users", hit=1, of=2)


def test_a_fault_whose_users_are_never_there_is_no_fault() -> None:
    assert words(prove(fault("hidden"), [], opened())) == [
        "none of its users is there all the time that it is on"
    ]


EXTENSION: list[tuple[float, ActKind]] = [
    (AT_S, "block_sockets"),
    (AT_S, "cut_sockets"),
    (END_S, "unblock_sockets"),
]


def closed(user: int, at_s: float, reason: str, attempt: int = 1) -> SocketClosed:
    return SocketClosed(
        t_s=ZERO_S + at_s,
        user=user,
        attempt=attempt,
        was_open=reason == CLOSED_BY_EXTENSION,
        code=1006,
        reason=reason,
    )


def test_an_extension_is_proved_by_the_sockets_that_it_closed_and_refused() -> None:
    plan = planned(1, *EXTENSION)
    ends = [closed(1, AT_S, CLOSED_BY_EXTENSION), closed(1, 11, REFUSED_BY_EXTENSION, 2)]

    receipt = prove(fault("extension"), plan, [*opened(), *acted(plan), *ends], drawn=(1,))

    assert receipt.problems == ()
    assert receipt.effect.en == "1 of 1 users hit: sockets refused 1, sockets closed 1"


def test_an_open_socket_that_it_left_alone_is_told() -> None:
    plan = planned(1, *EXTENSION)
    ends = [closed(1, 11, REFUSED_BY_EXTENSION, 2)]

    receipt = prove(fault("extension"), plan, [*opened(), *acted(plan), *ends], drawn=(1,))

    assert words(receipt) == ["the open pages of 1 of its users show nothing of it"]


def test_a_socket_that_an_extension_refused_to_somebody_else_is_told() -> None:
    plan = planned(1, *EXTENSION)
    ends = [closed(1, AT_S, CLOSED_BY_EXTENSION), closed(3, 12, REFUSED_BY_EXTENSION, 2)]

    receipt = prove(fault("extension"), plan, [*opened(), *acted(plan), *ends], drawn=(1,))

    assert words(receipt) == ["users were hit who should not be: incognito 1"]


def test_a_page_that_sleeps_hears_of_no_extension() -> None:
    plan = planned(1, *EXTENSION)
    asleep = PersonActed(t_s=ZERO_S + 5, user=1, number=9, planned_s=ZERO_S + 5, act="close_lid")
    later = closed(1, 12, REFUSED_BY_EXTENSION, 2)

    receipt = prove(fault("extension"), plan, [*opened(), asleep, *acted(plan), later], drawn=(1,))

    assert receipt.problems == ()


def test_an_extension_that_only_blocks_spares_who_has_no_need_of_a_new_socket() -> None:
    acts: list[tuple[float, ActKind]] = [(AT_S, "block_sockets"), (END_S, "unblock_sockets")]
    plan = [act for user in (1, 2) for act in planned(user, *acts)]
    one = fault("extension", mode="blocks")

    hit = prove(one, plan, [*opened(), *acted(plan), closed(1, 12, REFUSED_BY_EXTENSION, 2)])
    none = prove(one, plan, [*opened(), *acted(plan)])

    assert hit.problems == ()
    assert hit.effect.en == "1 of 2 users hit, 1 without an occasion: sockets refused 1"
    assert hit.first_effect_s == ZERO_S + AT_S
    assert words(none) == ["no page of its 2 users noticed anything of it"]


def test_what_a_browser_repeats_of_itself_outside_of_the_fault_is_not_its() -> None:
    acts: list[tuple[float, ActKind]] = [(AT_S, "break_posts"), (END_S, "spare_posts")]
    plan = planned(1, *acts)

    def repeated(at_s: float, message: str = "m") -> RequestRepeated:
        return RequestRepeated(t_s=ZERO_S + at_s, user=1, client_msg_id=message)

    def proved(*events: Event) -> Receipt:
        one = fault("post_repeated")
        return prove(one, plan, [*opened(), *acted(plan), *events], drawn=(1,))

    assert proved(repeated(12)).problems == ()
    assert words(proved(repeated(8), repeated(16), repeated(12, message=""))) == [
        "no page of its 1 users noticed anything of it"
    ]


def test_a_lid_is_noticed_by_the_browser_going_offline() -> None:
    plan = planned(1, (AT_S, "close_lid"), (END_S, "open_lid"))
    sees = [
        OnlineChanged(t_s=ZERO_S + AT_S, user=1, online=False),
        OnlineChanged(t_s=ZERO_S + END_S, user=1, online=True),
    ]

    receipt = prove(fault("asleep"), plan, [*opened(), *acted(plan), *sees], drawn=(1,))

    assert receipt.problems == ()
    assert receipt.last_effect_s == ZERO_S + END_S
