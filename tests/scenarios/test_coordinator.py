"""The owner of a run, between a conductor and processes that are played by the test."""

from __future__ import annotations

import os
from collections.abc import Callable

import gevent
import msgspec
import pytest

from harness.errors import RigError, UsageError
from harness.recorder import read_record
from scenarios import coordinator as module
from scenarios.coordinator import progress_pipe
from scenarios.generator import Assignment
from scenarios.messages import Begin, CannotRun, End, FaultsOn
from scenarios.model import load_scenario
from scenarios.progress import Finished, Progress, Tick
from tests.support.fake_runtime import READY, FakeConductor, ManualClock
from tests.support.owned_run import (
    SCENARIO,
    USERS,
    Owned,
    messages,
    pass_control,
    run_its_time,
    status,
)

Make = Callable[[FakeConductor], Owned]


# -- before -------------------------------------------------------------------------------


def test_preparing_writes_the_resolved_scenario(owned: Owned) -> None:
    owned.coordinator.prepare()

    assert load_scenario(str(owned.run.scenario)) == SCENARIO


@pytest.mark.parametrize(("code", "kind"), [(2, UsageError), (3, RigError)])
def test_a_rig_that_cannot_be_made_is_one_error_and_leaves_no_conductor(
    make: Make, code: int, kind: type[Exception]
) -> None:
    text = "the conductor ended; see logs/conductor.log"
    owned = make(FakeConductor(ready=CannotRun(exit_code=code, text=text)))

    with pytest.raises(kind) as error:
        owned.coordinator.prepare()

    assert str(error.value) == text
    assert owned.conductor.closed == 1
    owned.coordinator.finish()  # Locust stops the test that never began
    assert owned.conductor.told == []
    assert owned.shown == []


def test_a_test_that_never_began_ends_without_an_audit(owned: Owned) -> None:
    owned.coordinator.prepare()
    owned.coordinator.finish()

    assert owned.conductor.told == []
    assert owned.conductor.closed == 1
    assert owned.coordinator.exit_code == 3


def test_beginning_tells_conductor_and_processes_the_same_times(
    owned: Owned, clock: ManualClock
) -> None:
    owned.begun(workers=2)

    (begin,) = owned.conductor.told
    assert begin == Begin(
        started_at_s=clock.now_s,
        load_begins_at_s=clock.now_s + SCENARIO.load_begins_s,
        load_ends_at_s=clock.now_s + SCENARIO.load_ends_s,
        processes=2,
    )
    (sent,) = owned.runner.of("chatquake.begin")
    assignment = msgspec.convert(sent.data, Assignment)
    assert assignment.ready == READY
    assert assignment.load_begins_at_s == begin.load_begins_at_s
    assert assignment.load_ends_at_s == begin.load_ends_at_s


# -- what the processes say ---------------------------------------------------------------


def test_every_user_index_is_leased_once_to_who_asked_and_then_none(owned: Owned) -> None:
    coordinator = owned.begun(workers=2)
    for asked in range(USERS + 2):
        coordinator.lease(f"node-{asked % 2}")

    leased = owned.runner.of("chatquake.leased")
    assert [sent.data["index"] for sent in leased] == [0, 1, 2, None, None]
    assert [sent.client_id for sent in leased] == [f"node-{n % 2}" for n in range(USERS + 2)]


def test_a_record_is_written_as_it_came(owned: Owned, clock: ManualClock) -> None:
    coordinator = owned.begun()
    for message in messages("load", 3):
        coordinator.blocks(message)
    run_its_time(clock)
    coordinator.finish()

    record = read_record(owned.run.events / "load.cqr")
    assert record.complete
    assert [getattr(event, "user", None) for _, event in record.events] == [1, 2, None]
    assert owned.end.broken == ()
    assert owned.end.interrupted == ""


@pytest.mark.parametrize(
    ("came", "says"),
    [
        ([0, 2], "record of load: message 3 came, 2 is missing"),
        ([1, 2], "record of load: message 2 came, 1 is missing"),
        ([0, 0, 1, 2], "record of load: message 1 came twice, or after the last"),
        ([0, 1, 2, 2], "record of load: message 3 came twice, or after the last"),
        ([0, 1, 2, 1], "record of load: message 2 came twice, or after the last"),
    ],
)
def test_a_block_message_that_is_lost_or_comes_again_breaks_the_run(
    owned: Owned, came: list[int], says: str
) -> None:
    coordinator = owned.begun()
    whole = messages("load", 3)
    for index in came:
        coordinator.blocks(whole[index])
    coordinator.finish()

    assert owned.end.broken == (says,)
    assert owned.end.interrupted == says
    assert owned.notes() == [says]


def test_a_repeated_message_does_not_spoil_the_record(owned: Owned) -> None:
    coordinator = owned.begun()
    first, second, last = messages("load", 3)
    for message in (first, second, first, last, last):
        coordinator.blocks(message)

    assert read_record(owned.run.events / "load.cqr").complete


def test_records_are_complete_only_when_every_process_sent_its_last(
    owned: Owned, clock: ManualClock
) -> None:
    coordinator = owned.begun(workers=2)
    for message in [*messages("load-0", 2), messages("load-1", 2)[0]]:
        coordinator.blocks(message)
    run_its_time(clock)
    coordinator.finish()

    assert owned.end.broken == ("only 1 of 2 processes sent their record",)


def test_the_audit_waits_for_the_last_of_every_process(
    owned: Owned, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST_RECORDS_WITHIN_S", 30.0)
    coordinator = owned.begun(workers=2)
    run_its_time(clock)
    finishing = gevent.spawn(coordinator.finish)
    for process in ("load-0", "load-1"):
        pass_control()
        assert not any(isinstance(message, End) for message in owned.conductor.told)
        for message in messages(process, 2):
            coordinator.blocks(message)
    finishing.get()

    assert [sent.data for sent in owned.runner.of("chatquake.finish")] == [{}]
    assert owned.end.broken == ()


def test_what_comes_after_the_records_were_closed_changes_nothing(
    owned: Owned, clock: ManualClock
) -> None:
    coordinator = owned.begun(workers=2)
    first, last = messages("load-0", 2)
    coordinator.blocks(first)
    run_its_time(clock)
    coordinator.finish()
    before = (owned.run.events / "load-0.cqr").read_bytes()

    coordinator.blocks(last)
    coordinator.blocks(messages("load-1", 2)[0])

    assert (owned.run.events / "load-0.cqr").read_bytes() == before
    assert not (owned.run.events / "load-1.cqr").exists()


def test_the_progress_sums_the_latest_status_of_every_process(owned: Owned) -> None:
    coordinator = owned.begun(workers=2)
    coordinator.status(status("load-0", users_open=1, sends=1))
    coordinator.status(status("load-0", users_open=4, users_live=3, sends=10, deliveries=40))
    coordinator.status(
        status("load-1", users_open=5, users_fallback=2, send_timeouts=1, deliveries=2, polls=6)
    )
    owned.conductor.heard(FaultsOn(names=("block",)))
    pass_control()

    tick = owned.shown[-1]
    assert isinstance(tick, Tick)
    assert (tick.users_open, tick.users_live, tick.users_fallback) == (9, 3, 2)
    assert (tick.sends, tick.send_timeouts, tick.deliveries, tick.polls) == (10, 1, 42, 6)
    assert tick.faults == ("block",)


@pytest.mark.parametrize(
    ("elapsed_s", "leases", "phase"),
    [
        (0.0, 0, "spawning"),
        (0.0, USERS, "warming up"),
        (SCENARIO.load_begins_s, USERS, "load"),
        (SCENARIO.load_ends_s, USERS, "settling"),
    ],
)
def test_the_progress_names_the_phase_and_the_time_left(
    owned: Owned, clock: ManualClock, elapsed_s: float, leases: int, phase: str
) -> None:
    coordinator = owned.begun()
    for _ in range(leases):
        coordinator.lease("local")
    clock.now_s += elapsed_s
    pass_control()

    tick = owned.shown[-1]
    assert isinstance(tick, Tick)
    assert tick.phase == phase
    assert tick.elapsed_s == pytest.approx(elapsed_s)
    assert tick.left_s == pytest.approx(SCENARIO.duration_s - elapsed_s)


def test_a_crash_of_our_own_code_is_told_in_a_line_and_kept_whole(owned: Owned) -> None:
    coordinator = owned.begun()
    coordinator.crash("user 3 in process load crashed: KeyError: 'x'", "Traceback …\nKeyError: 'x'")

    assert owned.notes() == ["user 3 in process load crashed: KeyError: 'x'"]
    kept = (owned.run.logs / "crashes.log").read_text(encoding="utf-8")
    assert "Traceback …" in kept
    coordinator.finish()
    assert owned.end.broken[:1] == tuple(owned.notes())


# -- the pipe to the terminal -------------------------------------------------------------


def test_progress_goes_to_the_pipe_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv("CHATQUAKE_PROGRESS_FD", str(writing))
    show = progress_pipe()
    assert show is not None
    sent = Finished(run_dir="runs/1", exit_code=0)
    show(sent)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert [msgspec.json.decode(line, type=Progress) for line in pipe] == [sent]


def test_progress_that_nobody_reads_any_more_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setenv("CHATQUAKE_PROGRESS_FD", str(writing))
    show = progress_pipe()
    assert show is not None
    show(Finished(run_dir="runs/1", exit_code=0))
    os.close(writing)


def test_without_a_pipe_there_is_no_progress_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHATQUAKE_PROGRESS_FD", raising=False)
    assert progress_pipe() is None
