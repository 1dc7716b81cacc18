"""Small audits made up from a seed, for the tests of the pages: a pass, a fail, an invalid."""

from __future__ import annotations

import random
from typing import Literal

from harness.receipts import Receipt
from harness.runsettings import CohortSummary, FaultSummary, RunSettings, Text
from reports.model import (
    EVERYBODY,
    RUN,
    Audit,
    Cell,
    GateResult,
    MessageFault,
    Metrics,
    Point,
    Result,
    RigFinding,
    Series,
    Verdict,
    Window,
)

USERS = 50
LOAD_BEGINS_S = 1_000.0
END_S = 40.0
FAULT_BEGIN_S, FAULT_END_S = 7.2, 22.4
WINDOWS = ((RUN, 0.0, END_S), ("before", 0.0, FAULT_BEGIN_S),
           ("during:ws-blocked", FAULT_BEGIN_S, FAULT_END_S),
           ("recovery:ws-blocked", FAULT_END_S, FAULT_END_S + 10),
           ("after", FAULT_END_S + 10, END_S))  # fmt: skip

SEEN = Text("connect refused, socket closed", "접속 거부, 실시간 연결 끊김")


def sample_audit(result: Result = "pass", *, seed: int = 1, fault: str = "ws-blocked") -> Audit:
    """A run of 50 users whose WebSocket is refused for 15 s, with the wished verdict."""
    rng = random.Random(seed)
    lost = 3 if result == "fail" else 0
    return Audit(
        settings=sample_settings(fault),
        receipts=(_receipt(fault),),
        metrics=_metrics(lost),
        verdict=_verdict(result, lost),
        series=_series(rng),
        wrong=tuple(_lost_message(number) for number in range(lost)),
        rig_table=(("load-0", 0.62, 0.041, 212.4), ("server", 0.31, 0.006, 88.0),
                   ("toxiproxy", 0.12, 0.0, 31.5)),
    )  # fmt: skip


def empty_audit() -> Audit:
    """What is left of a run whose rig broke before there was any traffic."""
    nothing = Series((), (), (), (), (), (), (), (), ())
    why = RigFinding(
        level="fatal",
        what="no_traffic",
        sentence=Text("0 sends, 0 deliveries", "전송 0회, 전달 0건"),
    )
    verdict = Verdict(verdict="invalid", reasons=("no traffic",), gates=(), rig=(why,))
    settings = _replace(sample_settings("ws-blocked"), load_begins_at_s=None, ended_at_s=None,
                        started_at_s=None, load_ends_at_s=None,
                        interrupted="Ctrl-C", broken=("toxiproxy: exited with 1",))  # fmt: skip
    unseen = Receipt(fault="ws-blocked", kind="refused", cohorts=("chrome",),
                     proxies=("chrome-ws",), planned_begin_s=1007.0, planned_end_s=1022.0,
                     problems=(Text("never bit", "영향이 없었습니다"),))  # fmt: skip
    return Audit(settings, (unseen,), Metrics(windows=(), cells=()), verdict, nothing, (), ())


def sample_settings(fault: str) -> RunSettings:
    return RunSettings(
        run_id="r-0001",
        scenario="ws-blocked",
        title=Text(en="The WebSocket is blocked for a while", ko="WebSocket이 잠시 막힙니다"),
        description=Text(
            en="For 15 s no live connection is possible. The chat should go on by polling, lose "
            "nothing, and return to the live connection by itself.",
            ko="15초 동안 실시간 연결을 할 수 없습니다. 채팅은 폴링으로 이어지고, 메시지를 잃지 "
            "않으며, 스스로 실시간 연결로 돌아와야 합니다.",
        ),
        shows=("T4", "F1", "F2", "H5"),
        seed=1, users=USERS, spawn_rate=25, rooms=2, duration_s=45, settle_s=5, recovery_s=10,
        late_after_s=5, frozen_after_s=2, ack_timeout_s={"chrome": 10.0},
        cohorts=(CohortSummary(name="chrome", users=USERS, policy="plan",
                               policy_settings={"ack_timeout_s": 10.0, "poll_on_release": True}),),
        faults=(FaultSummary(
            name=fault, kind="refused", cohorts=("chrome",), planned_begin_s=7, planned_end_s=22,
            sentence=Text(en="The live connection is refused: nobody gets a WebSocket.",
                          ko="실시간 연결이 거부되어 아무도 WebSocket을 열지 못합니다.")),),
        gates=(), target="bundled",
        versions={"chatquake": "0.1.0", "locust": "2.47.0", "toxiproxy": "2.12.0"},
        machine={"cores": 2, "memory_gib": 8}, processes=1,
        wall_clock_start="2026-05-04T10:20:30+00:00", started_at_s=LOAD_BEGINS_S - 5,
        load_begins_at_s=LOAD_BEGINS_S, load_ends_at_s=LOAD_BEGINS_S + END_S - 5,
        ended_at_s=LOAD_BEGINS_S + END_S,
    )  # fmt: skip


def _replace(settings: RunSettings, **changes: object) -> RunSettings:
    fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
    return RunSettings(**{**fields, **changes})


def _receipt(fault: str) -> Receipt:
    return Receipt(
        fault=fault, kind="refused", cohorts=("chrome",), proxies=("chrome-ws",),
        planned_begin_s=LOAD_BEGINS_S + 7, planned_end_s=LOAD_BEGINS_S + 22,
        requested_s=LOAD_BEGINS_S + 7.0, applied_s=LOAD_BEGINS_S + 7.01,
        first_effect_s=LOAD_BEGINS_S + FAULT_BEGIN_S, last_effect_s=LOAD_BEGINS_S + 22.1,
        healed_s=LOAD_BEGINS_S + FAULT_END_S, effect=SEEN,
    )  # fmt: skip


def _lost_message(number: int) -> MessageFault:
    return MessageFault(
        kind="lost", client_msg_id=f"00000000-0000-8000-8000-{number:012d}", row_id=200 + number,
        room=1, sender=number, receivers=(7, 19), committed_at_s=23.1 + number,
    )  # fmt: skip


def _series(rng: random.Random) -> Series:
    points: list[Point] = []
    seconds = tuple(float(second) for second in range(int(END_S)))
    for second in seconds[:-5]:
        down = FAULT_BEGIN_S <= second < FAULT_END_S + 3
        for _ in range(25):
            at = second + rng.random()
            if not down:
                points.append(Point(at, rng.lognormvariate(-3.6, 0.5), "realtime"))
            else:
                wait = max(15.4 - at, 0) + rng.uniform(0.1, 3.2)
                points.append(Point(at, wait, "poll"))
        points.append(Point(second + 0.5, rng.lognormvariate(-3.2, 0.4), "api"))
    dark = [_between(s, 7, 15) * 50.0 + _between(s, 15, 16) * 18.0 for s in seconds]
    fallback = [_between(s, 15, 25) * 50.0 - _between(s, 15, 16) * 18.0 for s in seconds]
    fallback = [
        max(f - _between(s, 23, 25) * 30.0, 0) for s, f in zip(seconds, fallback, strict=True)
    ]
    live = [USERS - d - f for d, f in zip(dark, fallback, strict=True)]
    return Series(
        deliveries=tuple(points),
        second_s=seconds,
        users_live=tuple(live),
        users_fallback=tuple(fallback),
        users_dark=tuple(dark),
        polls=tuple(int(f / 3) + (rng.randrange(3) if f else 0) for f in fallback),
        reconnects=tuple(50 if s in (8, 10, 15) else 0 for s in seconds),
        sends=tuple(rng.randrange(1, 6) if s < 35 else 0 for s in seconds),
        send_timeouts=tuple(0 for _ in seconds),
    )


def _between(second: float, begin: float, end: float) -> int:
    return int(begin <= second < end)


Unit = Literal["s", "1", "1/s", "messages", "count"]

_FIGURES: tuple[tuple[str, Unit, tuple[float | None, ...]], ...] = (
    # metric, unit, value for run, before, during, recovery, after
    ("delivery_s.p50", "s", (0.031, 0.027, 2.1, 0.033, 0.028)),
    ("delivery_s.p99", "s", (9.8, 0.082, 10.4, 3.1, 0.085)),
    ("ack_s.p50", "s", (0.034, 0.033, 0.036, 0.034, 0.033)),
    ("ack_s.p99", "s", (0.093, 0.081, 0.094, 0.09, 0.088)),
    ("send_timeout_rate", "1", (0.0, 0.0, 0.0, 0.0, 0.0)),
    ("visible_duplicates", "messages", (0, 0, 0, 0, 0)),
    ("late_rate", "1", (0.134, 0.0, 0.352, 0.0, 0.0)),
    ("frozen_s.p50", "s", (8.1, 0.0, 8.1, 0.0, 0.0)),
    ("frozen_s.max", "s", (11.2, 0.0, 9.4, 1.8, 0.0)),
    ("fallback_activations", "count", (50, 0, 50, 0, 0)),
    ("fallback_detect_s.p50", "s", (8.0, None, 8.0, None, None)),
    ("fallback_release_s.p50", "s", (2.9, None, None, 2.9, None)),
    ("reconnect_attempts", "count", (150, 0, 150, 0, 0)),
    ("poll_rate", "1/s", (4.1, 0.0, 9.8, 2.2, 0.0)),
    ("request_amplification", "1", (1.0, 1.0, 1.0, 1.0, 1.0)),
)


def _metrics(lost: int) -> Metrics:
    cells = [
        Cell(metric=metric, window=window, cohort=cohort, value=value, unit=unit,
             n=(2310, 400, 900, 560, 450)[column] // (12 if "send" in metric else 1),
             numerator=0 if unit == "1" else None,
             denominator=None, beyond=metric == "delivery_s.p99" and column in (0, 2),
             interval=None if value is None or unit != "s" else (value * 0.9, value * 1.2))
        for metric, unit, values in _FIGURES
        for column, ((window, _, _), value) in enumerate(zip(WINDOWS, values, strict=True))
        for cohort in (EVERYBODY, "chrome")
    ]  # fmt: skip
    for cohort in (EVERYBODY, "chrome"):
        cells.append(
            Cell(
                metric="lost",
                window=RUN,
                cohort=cohort,
                value=lost,
                unit="messages",
                n=2310,
                numerator=lost,
                denominator=2310,
            )
        )
        cells.append(Cell(metric="fallback_share", window=RUN, cohort=cohort, value=0.245,
                          unit="1", n=USERS, numerator=490, denominator=2000))  # fmt: skip
    windows = tuple(
        Window(name=name, cohort=cohort, begin_s=LOAD_BEGINS_S + begin, end_s=LOAD_BEGINS_S + end)
        for cohort in (EVERYBODY, "chrome")
        for name, begin, end in WINDOWS
    )
    return Metrics(windows=windows, cells=tuple(cells))


def _verdict(result: Result, lost: int) -> Verdict:
    starved = RigFinding(
        level="fatal",
        what="generator_starved",
        sentence=Text(
            "load-0: timers late by more than 0.5 s in 12% of its samples",
            "load-0: 타이머가 표본의 12%에서 0.5초 넘게 늦었습니다",
        ),
    )
    slow = RigFinding(
        level="warning",
        what="server_busy",
        sentence=Text("server: CPU share 0.96", "server: CPU 0.96"),
    )
    invalid = result == "invalid"
    more = Text(f"{lost} is more than 0", f"{lost}건")
    gates = (
        _gate("visible_duplicates", "<= 0", 0.0, "messages", 2310),
        _gate("lost", "<= 0", float(lost), "messages", 2310,
              result="fail" if lost else "pass", reason=more if lost else None),
        _gate("send_timeout_rate", "<= 0.01", None if invalid else 0.0, "1", 182,
              result="invalid" if invalid else "pass",
              reason=Text("the load generator was starved", "부하 발생기가 느렸습니다")
              if invalid else None),
        _gate("fallback_detect_s.p90", "<= 10", 8.4, "s", 50, window="during:ws-blocked"),
        _gate("delivery_s.p99", "<= 1", 0.082, "s", 400, window="before", cohort="chrome"),
    )  # fmt: skip
    reasons = {"pass": (), "fail": ("lost: 3, allowed <= 0",), "invalid": ("rig not sound",)}
    return Verdict(verdict=result, reasons=reasons[result], gates=gates,
                   rig=(slow, starved) if invalid else ())  # fmt: skip


def _gate(
    metric: str, bound: str, value: float | None, unit: str, n: int, *,
    result: Result = "pass", reason: Text | None = None, window: str = RUN, cohort: str = EVERYBODY,
) -> GateResult:  # fmt: skip
    return GateResult(metric=metric, window=window, cohort=cohort, bound=bound, value=value,
                      unit=unit, n=n, result=result, reason=reason)  # fmt: skip
