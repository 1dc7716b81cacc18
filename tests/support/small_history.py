"""Small histories in memory, and a strategy that draws wild ones on a grid of half seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from harness.commitlog import Commit, Subscription
from harness.receipts import Receipt, ReceiptBook
from harness.recorder import DELIVERY, Record
from harness.records import (
    Delivery,
    Event,
    FallbackOff,
    FallbackOn,
    Fate,
    OnlineChanged,
    PageClosed,
    PageOpened,
    Path,
    RigSample,
    SendEnded,
    SendOutcome,
    SendStarted,
    SpinnerOff,
    VisibilityChanged,
)
from harness.runsettings import CohortSummary, FaultSummary, PlannedSend, RunSettings, Text
from reports.history import Damage, History, assemble

BEGIN_S, LOAD_ENDS_S, END_S = 100.0, 140.0, 160.0
LATE_AFTER_S, FROZEN_AFTER_S, RECOVERY_S = 5.0, 2.0, 6.0
COHORTS = ("chrome", "incognito")
UNTIMED = hypothesis_settings(deadline=None, max_examples=50)
"""How the comparisons run: a slow machine is no reason to fail."""


@dataclass(frozen=True)
class Raw:
    """What a history is assembled from; a second implementation reads this."""

    plan: tuple[PlannedSend, ...]
    commits: tuple[Commit, ...]
    deliveries: tuple[Delivery, ...]
    events: tuple[Event, ...]
    receipts: tuple[Receipt, ...] = ()


def settings(**changed: object) -> RunSettings:
    """Settings of a run from 100 s to 160 s, of which the last 20 s settle."""
    values: dict[str, object] = {
        "run_id": "r",
        "scenario": "small",
        "title": Text("", ""),
        "description": Text("", ""),
        "shows": (),
        "seed": 1,
        "users": 1,
        "spawn_rate": 1.0,
        "rooms": 1,
        "duration_s": 60.0,
        "settle_s": END_S - LOAD_ENDS_S,
        "recovery_s": RECOVERY_S,
        "late_after_s": LATE_AFTER_S,
        "frozen_after_s": FROZEN_AFTER_S,
        "ack_timeout_s": dict.fromkeys(COHORTS, 10.0),
        "cohorts": tuple(
            CohortSummary(name=name, users=0, policy="plan", policy_settings={}) for name in COHORTS
        ),
        "faults": (),
        "gates": (),
        "target": "bundled",
        "versions": {},
        "machine": {},
        "processes": 1,
        "wall_clock_start": "",
        "started_at_s": BEGIN_S - 10,
        "load_begins_at_s": BEGIN_S,
        "load_ends_at_s": LOAD_ENDS_S,
        "ended_at_s": END_S,
    }
    return RunSettings(**(values | changed))  # type: ignore[arg-type]  # values are as their fields


def fault(name: str) -> FaultSummary:
    """A fault as the settings name it."""
    return FaultSummary(
        name=name,
        kind="refused",
        cohorts=COHORTS[:1],
        planned_begin_s=0,
        planned_end_s=0,
        sentence=Text("", ""),
    )


def record(
    deliveries: Sequence[Delivery],
    events: Sequence[Event],
    *,
    process: str = "load-0",
    complete: bool = True,
    damage: str = "",
) -> Record:
    """A record as read from disk; sequence numbers do not matter here."""
    rows = [(d.t_s, d.row_id, d.user, d.path, d.fate, b"") for d in deliveries]
    return Record(
        process=process,
        deliveries=np.array(rows, dtype=DELIVERY),
        delivery_seqs=np.arange(len(rows), dtype=np.int64),
        events=list(enumerate(events)),
        complete=complete,
        damage=damage,
    )


def history(
    raw: Raw,
    damages: Sequence[Damage] = (),
    *,
    subscriptions: Sequence[Subscription] = (),
    **changed: object,
) -> History:
    """Assemble a history; ``changed`` are other settings."""
    users = len({event.user for event in raw.events if isinstance(event, PageOpened)})
    return assemble(
        settings(**{"users": users, **changed}),
        plan=raw.plan,
        commits=raw.commits,
        subscriptions=subscriptions,
        book=ReceiptBook(receipts=raw.receipts, probes=()),
        records=[record(raw.deliveries, raw.events)],
        damages=damages,
    )


def opened(user: int, *, t_s: float = BEGIN_S - 5, room: int = 1, cohort: str = "chrome") -> Event:
    """A page that opens, normally before the load."""
    return PageOpened(t_s=t_s, user=user, user_id=f"u{user}", room=room, cohort=cohort)


def planned(user: int, number: int, at_s: float, *, key: str = "", room: int = 1) -> PlannedSend:
    """A planned send; its id is ``m<user>-<number>`` unless given."""
    return PlannedSend(
        user=user,
        number=number,
        room=room,
        at_s=at_s,
        client_msg_id=key or f"m{user}-{number}",
        body="",
    )


def committed(
    seq: int, row_id: int, key: str, t_s: float, *, op: str = "INSERT", took_s: float = 0.002
) -> Commit:
    """A committed change of a message's row."""
    return Commit(
        seq=seq,
        op=op,  # type: ignore[arg-type]  # one of the three
        row_id=row_id,
        webinar_id=1,
        user_id="u",
        client_msg_id=key,
        body="",
        committed_s=t_s,
        written_s=t_s - took_s,
    )


def receipt(fault: str, begin_s: float, healed_s: float | None, *cohorts: str) -> Receipt:
    """A sound receipt of a fault, unless it was never healed."""
    return Receipt(
        fault=fault,
        kind="refused",
        cohorts=cohorts or COHORTS[:1],
        proxies=(),
        planned_begin_s=begin_s,
        planned_end_s=healed_s or END_S,
        first_effect_s=begin_s,
        last_effect_s=healed_s,
        healed_s=healed_s,
    )


def rig_sample(
    t_s: float,
    *,
    process: str = "load-0",
    cpu: float = 0.3,
    lag: float = 0.01,
    wait: float | None = 0.02,
) -> Event:
    """A process that does well, unless told otherwise."""
    return RigSample(
        t_s=t_s,
        process=process,
        cpu_share=cpu,
        loop_lag_s=lag,
        rss_bytes=1,
        open_fds=1,
        cpu_wait_share=wait,
    )


def moments(first_s: float, last_s: float) -> st.SearchStrategy[float]:
    """Half seconds, so that sums and differences are exact."""
    return st.integers(int(2 * first_s), int(2 * last_s)).map(lambda half: half / 2)


@st.composite
def raw_histories(draw: st.DrawFn) -> Raw:
    """Up to four users in two rooms and a handful of messages to which anything happens."""
    users = draw(st.integers(1, 4))
    events: list[Event] = []
    rooms = [draw(st.sampled_from([1, 1, 2])) for _ in range(users)]
    for user, room in enumerate(rooms):
        events += _draw_user(draw, user, room)
    plan: list[PlannedSend] = []
    commits: list[Commit] = []
    for user in range(users):
        for number in range(draw(st.integers(0, 2))):
            send = planned(user, number, draw(moments(0, 35)), room=rooms[user])
            plan.append(send)
            events += _draw_send(draw, send)
            keys = draw(
                st.lists(st.sampled_from([send.client_msg_id] * 3 + ["strange"]), max_size=2)
            )
            begin_s = BEGIN_S + send.at_s
            for key in keys:
                row_id = 10 + len(commits)
                t_s = draw(moments(begin_s, 160))
                commits.append(committed(0, row_id, key, t_s))
                if draw(st.integers(0, 5)) == 0:
                    t_s = draw(moments(t_s, 160))
                    commits.append(committed(0, row_id, key, t_s, op="DELETE"))
    commits.sort(key=lambda c: (c.committed_s, c.op != "INSERT"))
    numbered = [
        committed(seq, c.row_id, c.client_msg_id, c.committed_s, op=c.op)
        for seq, c in enumerate(commits, start=1)
    ]
    pages = _draw_pages(draw, users, plan)
    deliveries = draw(_deliveries(users, [c.row_id for c in commits if c.op == "INSERT"]))
    everything = sorted([*events, *pages], key=lambda event: event.t_s)
    return Raw(tuple(plan), tuple(numbered), tuple(deliveries), tuple(everything))


def _draw_user(draw: st.DrawFn, user: int, room: int) -> list[Event]:
    cohort = draw(st.sampled_from(COHORTS))
    t_s = draw(st.sampled_from([95.0, 95.0, 110.5]))
    events: list[Event] = [opened(user, t_s=t_s, room=room, cohort=cohort)]
    switches = draw(st.lists(moments(t_s, 159), max_size=4, unique=True).map(sorted))
    for number, switch_s in enumerate(switches[:2]):
        on = number % 2 == 1
        if draw(st.booleans()):
            events.append(VisibilityChanged(t_s=switch_s, user=user, visible=on))
        else:
            events.append(OnlineChanged(t_s=switch_s, user=user, online=on))
    for number, switch_s in enumerate(switches[2:]):
        if number == 0:
            events.append(FallbackOn(t_s=switch_s, user=user, reason="silence"))
        else:
            events.append(FallbackOff(t_s=switch_s, user=user))
    return events


def _draw_send(draw: st.DrawFn, send: PlannedSend) -> list[Event]:
    t_s = BEGIN_S + send.at_s
    key, user = send.client_msg_id, send.user
    events: list[Event] = []
    for attempt in range(1, draw(st.integers(0, 2)) + 1):
        start_s = draw(moments(t_s, t_s + 3))
        events.append(
            SendStarted(
                t_s=start_s,
                user=user,
                number=send.number,
                planned_s=t_s,
                client_msg_id=key,
                attempt=attempt,
            )
        )
        outcome: SendOutcome | None = draw(
            st.sampled_from(["ok", "ok", "timeout", "refused", "bad_answer", None])
        )
        t_s = start_s + draw(moments(0, 10))
        if outcome is None:
            break
        events.append(
            SendEnded(t_s=t_s, user=user, client_msg_id=key, attempt=attempt, outcome=outcome)
        )
        events.append(SpinnerOff(t_s=t_s, user=user, client_msg_id=key, by="error"))
    return events


def _draw_pages(draw: st.DrawFn, users: int, plan: list[PlannedSend]) -> list[Event]:
    """Most pages close at the very end, one in four before."""
    pages: list[Event] = []
    for user in range(users):
        keys = [send.client_msg_id for send in plan if send.user == user]
        left = [draw(st.sampled_from(["", "", "pending", "failed"])) for _ in keys]
        pages.append(
            PageClosed(
                t_s=draw(st.sampled_from([159.5, 160.0, 159.0, 133.0])),
                user=user,
                pending=tuple(k for k, at in zip(keys, left, strict=True) if at == "pending"),
                failed=tuple(k for k, at in zip(keys, left, strict=True) if at == "failed"),
            )
        )
    return pages


def _deliveries(users: int, row_ids: list[int]) -> st.SearchStrategy[list[Delivery]]:
    if not row_ids:
        return st.just([])
    one = st.builds(
        Delivery,
        moments(111, 160),
        st.integers(0, users - 1),
        st.sampled_from(row_ids),
        st.sampled_from(Path),
        st.sampled_from([Fate.SHOWN, Fate.SWAPPED, Fate.SUPPRESSED]),
    )
    return st.lists(one, max_size=25).map(lambda found: sorted(found, key=lambda d: d.t_s))
