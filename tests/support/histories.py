"""A complete run directory from a seed, without any run: a blocked WebSocket and its fallback.

Fifty users in one room, two cohorts. The WebSocket of ``chrome`` is blocked from 20 s to 40 s
of the load; its users reconnect in vain, poll, and come back. What is planted is asked for by
keyword; without any the run is clean.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from uuid import UUID

import msgspec

from harness.commitlog import Commit, Subscription
from harness.receipts import Probe, Receipt, ReceiptBook
from harness.recorder import BlockBuffer, RecordFile
from harness.records import (
    ChannelChanged,
    Delivery,
    Event,
    FallbackOff,
    FallbackOn,
    Fate,
    PageClosed,
    PageOpened,
    Path,
    PollEnded,
    PollStarted,
    RigSample,
    SendEnded,
    SendStarted,
    SocketClosed,
    SocketOpened,
    SocketOpening,
    SpinnerOff,
)
from harness.rundir import RunDir
from harness.runsettings import (
    CohortSummary,
    FaultSummary,
    GateSpec,
    PlannedSend,
    RunSettings,
    Text,
)
from harness.tokens import user_uuid
from harness.wire.changes import MessageRow

ZERO_S = 1000.0
"""When the load begins, on the made-up host's clock."""
LOAD_S, SETTLE_S = 60.0, 15.0
FAULT_S, HEALED_S = 20.0, 40.0
ROOM = 7
GATES = (
    GateSpec("send_timeout_rate", max=0.02, min_samples=50),
    GateSpec("delivery_s.p99", "during:ws-blocked", "chrome", max=5.0),
    GateSpec("fallback_release_s.p90", "recovery:ws-blocked", "chrome", max=10.0),
    GateSpec("lost", max=0),
    GateSpec("visible_duplicates", max=0),
    GateSpec("duplicate_rows", max=0),
)


@dataclass(frozen=True)
class Planted:
    """How many of each thing go wrong."""

    lost: int = 0
    visible_duplicates: int = 0
    duplicate_rows: int = 0
    lost_after_ack: int = 0
    timeouts: int = 0
    stuck_pending: int = 0


@dataclass
class _User:
    index: int
    cohort: str
    down_s: float = 0.0
    """When the socket went away, or 0."""
    live_again_s: float = 0.0
    polls_s: list[float] = field(default_factory=list)


@dataclass
class _Run:
    """What is being made up."""

    rng: random.Random
    planted: Planted
    users: list[_User]
    plan: list[PlannedSend] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    records: list[Delivery | Event] = field(default_factory=list)
    pending: dict[int, list[str]] = field(default_factory=dict)
    failed: dict[int, list[str]] = field(default_factory=dict)


def write_run(
    path: FilePath,
    seed: int = 1,
    *,
    users: int = 50,
    lost: int = 0,
    visible_duplicates: int = 0,
    duplicate_rows: int = 0,
    lost_after_ack: int = 0,
    timeouts: int = 0,
    stuck_pending: int = 0,
    gates: tuple[GateSpec, ...] = GATES,
    interrupted: str = "",
    broken: tuple[str, ...] = (),
    loop_lag_s: float = 0.01,
    receipt_problems: tuple[str, ...] = (),
    with_receipt: bool = True,
) -> RunDir:
    """Write a run directory. The counts say how many messages go wrong, each in one way.

    A lost or doubled message is so on one user's screen. Everything else is as in a good run:
    delivered in 20 to 80 ms, or by the next poll.
    """
    planted = Planted(
        lost, visible_duplicates, duplicate_rows, lost_after_ack, timeouts, stuck_pending
    )
    rng = random.Random(seed)
    run = _Run(rng, planted, [_User(i, _cohort(i)) for i in range(users)])
    _connect(run)
    _plan(run)
    _chat(run)
    _sample_rig(run, loop_lag_s)
    _close(run)
    run_dir = RunDir.create(path)
    receipts = (_receipt(receipt_problems),) if with_receipt else ()
    book = ReceiptBook(receipts=receipts, probes=_probes())
    settings = _settings(seed, users, gates, interrupted, broken)
    encoder = msgspec.json.Encoder()
    run_dir.write(run_dir.settings, encoder.encode(settings))
    run_dir.write(run_dir.scenario, b'name = "ws-blocked"\n')
    run_dir.write(run_dir.plan, encoder.encode_lines(run.plan))
    run_dir.write(run_dir.commits, encoder.encode_lines(run.commits))
    run_dir.write(run_dir.subscriptions, encoder.encode_lines(run.subscriptions))
    run_dir.write(run_dir.receipts, encoder.encode(book))
    write_record(run_dir.events / "load-0.cqr", "load-0", run.records)
    return run_dir


def write_record(path: FilePath, process: str, records: list[Delivery | Event]) -> None:
    """Write one process's record, in time order."""
    buffer = BlockBuffer(process)
    for record in sorted(records, key=lambda r: r.t_s):
        if isinstance(record, Delivery):
            row = MessageRow(record.row_id, ROOM, "", "", "", "")
            buffer.delivery(record.t_s, record.user, row, record.path, record.fate)
        else:
            buffer.event(record)
    with RecordFile(path, process) as file:
        last_s = max((record.t_s for record in records), default=0.0)
        file.append(buffer.finish(last_s))


def _cohort(index: int) -> str:
    return "chrome" if index % 5 < 3 else "incognito"


def _connect(run: _Run) -> None:
    """Every page opens and goes live; then the fault takes the sockets of ``chrome``."""
    for user in run.users:
        i, opened_s = user.index, ZERO_S - 8.0 + 0.1 * user.index
        user_id = user_uuid(1, i)
        run.records += [
            PageOpened(t_s=opened_s, user=i, user_id=user_id, room=ROOM, cohort=user.cohort),
            SocketOpening(t_s=opened_s + 0.01, user=i, attempt=1),
            SocketOpened(t_s=opened_s + 0.05, user=i, attempt=1),
            ChannelChanged(t_s=opened_s + 0.06, user=i, status="joining"),
            ChannelChanged(t_s=opened_s + 0.10, user=i, status="subscribed"),
            ChannelChanged(t_s=opened_s + 0.20, user=i, status="live"),
        ]
        _subscribe(run, user, opened_s + 0.2, "live")
        if user.cohort == "chrome":
            _block(run, user)


def _block(run: _Run, user: _User) -> None:
    """Socket gone, attempts after 1, 2, 5, 10 s, polling after three failures."""
    i, at_s = user.index, ZERO_S + FAULT_S + run.rng.uniform(0.01, 0.2)
    user.down_s = at_s
    run.records += [
        SocketClosed(t_s=at_s, user=i, attempt=1, was_open=True, code=1006),
        ChannelChanged(t_s=at_s, user=i, status="errored"),
    ]
    _subscribe(run, user, at_s, "lost")
    attempt, on_s = 1, 0.0
    for delay_s in (1.0, 2.0, 5.0, 10.0, 10.0, 10.0):
        at_s, attempt = at_s + delay_s, attempt + 1
        run.records.append(SocketOpening(t_s=at_s, user=i, attempt=attempt))
        if at_s > ZERO_S + HEALED_S:
            break
        closed = SocketClosed(t_s=at_s + 0.02, user=i, attempt=attempt, was_open=False, code=1006)
        run.records.append(closed)
        if attempt == 4:
            on_s = at_s + 0.02
    user.live_again_s = at_s + 0.2
    off_s = user.live_again_s + run.rng.uniform(0.1, 0.9)
    run.records += [
        FallbackOn(t_s=on_s, user=i, reason="socket_failures"),
        SocketOpened(t_s=at_s + 0.05, user=i, attempt=attempt),
        ChannelChanged(t_s=user.live_again_s, user=i, status="live"),
        FallbackOff(t_s=off_s, user=i),
    ]
    _subscribe(run, user, user.live_again_s, "live")
    poll_s, number = on_s, 0
    while poll_s < off_s + 0.01:
        number += 1
        run.records += [
            PollStarted(
                t_s=poll_s,
                user=i,
                poll=number,
                cause="activation" if number == 1 else "period",
            ),
            PollEnded(t_s=poll_s + 0.03, user=i, poll=number, outcome="ok", rows=3),
        ]
        user.polls_s.append(poll_s)
        poll_s += 3.0 + run.rng.uniform(-0.4, 0.4)
    # One last poll at the release closes the gap that H5 is about.
    user.polls_s.append(off_s)
    run.records += [
        PollStarted(t_s=off_s, user=i, poll=number + 1, cause="release"),
        PollEnded(t_s=off_s + 0.03, user=i, poll=number + 1, outcome="ok", rows=1),
    ]


def _subscribe(run: _Run, user: _User, t_s: float, what: str) -> None:
    raw = {
        "t_s": t_s,
        "user_id": user_uuid(1, user.index),
        "webinar_id": ROOM,
        "topic": f"realtime:chat:{ROOM}",
        "join_ref": "1" if t_s < ZERO_S + FAULT_S + 1 else "2",
        "what": what,
    }
    run.subscriptions.append(msgspec.convert(raw, Subscription))


def _plan(run: _Run) -> None:
    """About two messages a second, by ten speakers."""
    numbers: dict[int, int] = {}
    for index in range(int(2 * LOAD_S)):
        user = run.rng.randrange(min(10, len(run.users)))
        number = numbers.get(user, 0)
        numbers[user] = number + 1
        run.plan.append(
            PlannedSend(
                user=user,
                number=number,
                room=ROOM,
                at_s=0.25 + 0.5 * index + run.rng.uniform(-0.2, 0.2),
                client_msg_id=str(UUID(int=run.rng.getrandbits(128), version=4)),
                body=f"message {index}",
            )
        )


def _chat(run: _Run) -> None:
    """Every planned message is sent, committed and shown, but for what is planted."""
    wanted: list[str] = []
    for name in Planted.__dataclass_fields__:
        wanted += [name] * getattr(run.planted, name)
    if len(wanted) > len(run.plan):
        raise ValueError(
            f"{len(wanted)} messages cannot go wrong, only {len(run.plan)} are planned"
        )
    fate_of = dict(zip(run.rng.sample(range(len(run.plan)), len(wanted)), wanted, strict=True))
    for index, send in enumerate(run.plan):
        _send(run, send, row_id=100 + 2 * index, goes_wrong=fate_of.get(index, ""))


def _send(run: _Run, send: PlannedSend, *, row_id: int, goes_wrong: str) -> None:
    user, key = send.user, send.client_msg_id
    started_s = ZERO_S + send.at_s + run.rng.uniform(0.001, 0.01)
    committed_s = started_s + run.rng.uniform(0.01, 0.05)
    answered_s = committed_s + 0.01
    run.records.append(
        SendStarted(
            t_s=started_s,
            user=user,
            number=send.number,
            planned_s=ZERO_S + send.at_s,
            client_msg_id=key,
            attempt=1,
        )
    )
    if goes_wrong in ("timeouts", "stuck_pending"):
        _never_answered(run, send, started_s, goes_wrong)
        return
    run.records += [
        SendEnded(
            t_s=answered_s,
            user=user,
            client_msg_id=key,
            attempt=1,
            outcome="ok",
            status=200,
            row_id=row_id,
        ),
        SpinnerOff(t_s=answered_s, user=user, client_msg_id=key, by="api"),
    ]
    if goes_wrong == "lost_after_ack":
        return
    _commit(run, send, row_id, committed_s)
    if goes_wrong == "duplicate_rows":
        _commit(run, send, row_id + 1, committed_s + 0.005)
    run.records.append(Delivery(answered_s, user, row_id, Path.API, Fate.SWAPPED))
    others = [u for u in run.users if u.index != user]
    victim = run.rng.choice(others).index if others else user
    for receiver in run.users:
        hit = receiver.index == victim
        if goes_wrong == "lost" and hit:
            continue
        twice = goes_wrong == "visible_duplicates" and hit
        _show(run, receiver, row_id, committed_s, own=receiver.index == user, twice=twice)


def _never_answered(run: _Run, send: PlannedSend, started_s: float, how: str) -> None:
    """The request hangs and nothing is committed; the client gives up, or does not."""
    user, key = send.user, send.client_msg_id
    if how == "stuck_pending":
        run.pending.setdefault(user, []).append(key)
        return
    run.failed.setdefault(user, []).append(key)
    ended_s = started_s + 10.0
    run.records += [
        SendEnded(t_s=ended_s, user=user, client_msg_id=key, attempt=1, outcome="timeout"),
        SpinnerOff(t_s=ended_s, user=user, client_msg_id=key, by="timeout"),
    ]


def _commit(run: _Run, send: PlannedSend, row_id: int, committed_s: float) -> None:
    run.commits.append(
        Commit(
            seq=len(run.commits) + 1,
            op="INSERT",
            row_id=row_id,
            webinar_id=ROOM,
            user_id=user_uuid(1, send.user),
            client_msg_id=send.client_msg_id,
            body=send.body,
            committed_s=committed_s,
        )
    )


def _show(
    run: _Run, receiver: _User, row_id: int, committed_s: float, *, own: bool, twice: bool
) -> None:
    at_s, path = committed_s + run.rng.uniform(0.02, 0.08), Path.REALTIME
    if receiver.down_s and receiver.down_s < at_s < receiver.live_again_s:
        at_s = next(t for t in receiver.polls_s if t > committed_s) + 0.03
        path = Path.POLL
    fate = Fate.SUPPRESSED if own else Fate.SHOWN
    run.records.append(Delivery(at_s, receiver.index, row_id, path, fate))
    if twice:
        run.records.append(Delivery(at_s + 0.5, receiver.index, row_id, path, Fate.SHOWN))


def _sample_rig(run: _Run, loop_lag_s: float) -> None:
    shares = {"load-0": 0.35, "server": 0.25, "toxiproxy": 0.15, "conductor": 0.02}
    for second in range(int(LOAD_S + SETTLE_S)):
        for process, share in shares.items():
            run.records.append(
                RigSample(
                    t_s=ZERO_S + second + 0.5,
                    process=process,
                    cpu_share=round(share + run.rng.uniform(0, 0.1), 3),
                    loop_lag_s=loop_lag_s if process == "load-0" else 0.002,
                    rss_bytes=80 * 2**20,
                    open_fds=120,
                )
            )


def _close(run: _Run) -> None:
    end_s = ZERO_S + LOAD_S + SETTLE_S
    for user in run.users:
        run.records.append(
            PageClosed(
                t_s=end_s - 0.01,
                user=user.index,
                pending=tuple(run.pending.get(user.index, ())),
                failed=tuple(run.failed.get(user.index, ())),
            )
        )


def _receipt(problems: tuple[str, ...]) -> Receipt:
    return Receipt(
        fault="ws-blocked",
        kind="refused",
        cohorts=("chrome",),
        proxies=("chrome-realtime",),
        planned_begin_s=ZERO_S + FAULT_S,
        planned_end_s=ZERO_S + HEALED_S,
        requested_s=ZERO_S + FAULT_S,
        applied_s=ZERO_S + FAULT_S + 0.004,
        first_effect_s=ZERO_S + FAULT_S + 0.01,
        last_effect_s=ZERO_S + HEALED_S - 0.05,
        heal_requested_s=ZERO_S + HEALED_S,
        heal_applied_s=ZERO_S + HEALED_S + 0.004,
        healed_s=ZERO_S + HEALED_S + 0.05,
        effect=Text("connect refused, socket closed", "접속 거부, 실시간 연결 끊김"),
        problems=tuple(Text(problem, f"문제: {problem}") for problem in problems),
    )


def _probes() -> tuple[Probe, ...]:
    found = []
    for tenth in range(int(10 * LOAD_S)):
        at_s = ZERO_S + tenth / 10
        bitten = ZERO_S + FAULT_S <= at_s < ZERO_S + HEALED_S
        found.append(
            Probe(
                proxy="chrome-realtime",
                kind="connect",
                sent_s=at_s,
                outcome="refused" if bitten else "ok",
                answered_s=at_s + 0.002,
            )
        )
    return tuple(found)


def _settings(
    seed: int,
    users: int,
    gates: tuple[GateSpec, ...],
    interrupted: str,
    broken: tuple[str, ...],
) -> RunSettings:
    chrome = sum(_cohort(i) == "chrome" for i in range(users))
    return RunSettings(
        run_id="00000000-0000-4000-8000-000000000001",
        scenario="ws-blocked",
        title=Text("A blocked WebSocket", "막힌 웹소켓"),
        description=Text(
            "An extension blocks Chrome's WebSocket for 20 seconds; incognito windows are fine.",
            "확장 프로그램이 크롬의 웹소켓을 20초 동안 막고, 시크릿 창은 정상입니다.",
        ),
        shows=("T1", "T4", "F1", "F2"),
        seed=seed,
        users=users,
        spawn_rate=10.0,
        rooms=1,
        duration_s=8.0 + LOAD_S + SETTLE_S,
        settle_s=SETTLE_S,
        recovery_s=10.0,
        late_after_s=5.0,
        frozen_after_s=2.0,
        ack_timeout_s={"chrome": 10.0, "incognito": 10.0},
        cohorts=(
            CohortSummary(name="chrome", users=chrome, policy="plan", policy_settings={}),
            CohortSummary(
                name="incognito", users=users - chrome, policy="plan", policy_settings={}
            ),
        ),
        faults=(
            FaultSummary(
                name="ws-blocked",
                kind="refused",
                cohorts=("chrome",),
                planned_begin_s=FAULT_S,
                planned_end_s=HEALED_S,
                sentence=Text("The WebSocket is refused.", "웹소켓 연결이 거부됩니다."),
            ),
        ),
        gates=gates,
        target="bundled",
        versions={"chatquake": "0.1.0", "toxiproxy": "2.12.0"},
        machine={"cpus": 2},
        processes=1,
        wall_clock_start="2026-01-01T00:00:00+00:00",
        started_at_s=ZERO_S - 8.0,
        load_begins_at_s=ZERO_S,
        load_ends_at_s=ZERO_S + LOAD_S,
        ended_at_s=ZERO_S + LOAD_S + SETTLE_S,
        interrupted=interrupted,
        broken=broken,
    )
