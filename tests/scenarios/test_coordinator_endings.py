"""What ends a run, the reason that is kept, and the exit code."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event

from scenarios.messages import Audited, Begin, Broken, CannotRun, End, Told
from scenarios.progress import Failed, Finished, Note
from tests.support.fake_runtime import FakeConductor, ManualClock
from tests.support.owned_run import (
    SCENARIO,
    Owned,
    messages,
    pass_control,
    run_its_time,
)

Make = Callable[[FakeConductor], Owned]


def test_what_breaks_ends_the_test_once_with_the_first_reason(owned: Owned) -> None:
    coordinator = owned.begun()
    coordinator.blocks(messages("load", 1)[0])
    for text in ("the server ended", "the canary ended"):
        owned.conductor.heard(Broken(text=text))
    pass_control()
    coordinator.finish()

    assert owned.stops == 1
    assert owned.notes() == ["the server ended", "the canary ended"]
    assert owned.end.interrupted == "the server ended"
    assert owned.end.broken == ("the server ended", "the canary ended")


def test_what_broke_before_the_test_started_ends_it_when_it_starts(owned: Owned) -> None:
    coordinator = owned.coordinator
    coordinator.prepare()
    owned.conductor.heard(Broken(text="the server ended"))
    pass_control()
    assert owned.stops == 0

    coordinator.begin(1)
    pass_control()
    assert owned.stops == 1
    coordinator.finish()
    assert owned.end.interrupted == "the server ended"


def test_what_breaks_during_the_audit_neither_ends_nor_interrupts_anything(
    owned: Owned, clock: ManualClock
) -> None:
    coordinator = owned.begun()
    run_its_time(clock)
    coordinator.finish()
    owned.conductor.heard(Broken(text="the conductor ended"))
    pass_control()

    assert owned.stops == 0
    assert owned.notes() == []


def test_only_the_first_reason_of_an_interruption_is_kept(owned: Owned) -> None:
    coordinator = owned.begun()
    coordinator.interrupt("the server ended")
    coordinator.interrupt("interrupted")
    coordinator.finish()

    assert owned.end.interrupted == "the server ended"


def test_a_run_that_ends_before_its_time_says_after_how_much(
    owned: Owned, clock: ManualClock
) -> None:
    coordinator = owned.begun()
    clock.now_s += 12.0
    coordinator.finish()

    assert owned.end.interrupted == f"stopped after 12 of {SCENARIO.duration_s:g} s"


def test_a_run_that_ends_a_moment_early_is_whole(owned: Owned, clock: ManualClock) -> None:
    coordinator = owned.begun()
    clock.now_s += SCENARIO.duration_s - 0.5
    coordinator.finish()

    assert owned.end.interrupted == ""
    assert owned.end.ended_at_s == clock.now_s


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_of_a_whole_run_is_the_audit_s(
    make: Make, clock: ManualClock, code: int
) -> None:
    owned = make(FakeConductor(end=Audited(exit_code=code)))
    coordinator = owned.begun()
    run_its_time(clock)
    coordinator.finish()

    assert coordinator.exit_code == code
    assert owned.ending() == Finished(run_dir=str(owned.run.root), exit_code=code)
    assert owned.conductor.closed == 1


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        (["interrupted"], 130),  # Ctrl-C
        (["the server ended"], 3),
        (["the server ended", "interrupted"], 3),  # Locust quits after every end
        ([], 3),  # stopped early
    ],
)
def test_only_ctrl_c_is_130(make: Make, reasons: list[str], code: int) -> None:
    owned = make(FakeConductor(end=Audited(exit_code=3)))
    coordinator = owned.begun()
    for reason in reasons:
        coordinator.interrupt(reason)
    coordinator.finish()

    assert coordinator.exit_code == code


def test_a_conductor_that_cannot_audit_is_told_in_one_line_and_its_code(make: Make) -> None:
    text = "the conductor ended; see logs/conductor.log"
    owned = make(FakeConductor(end=CannotRun(exit_code=3, text=text)))
    coordinator = owned.begun()
    coordinator.finish()

    assert coordinator.exit_code == 3
    assert owned.ending() == Failed(exit_code=3, text=text)
    assert owned.notes() == []


def test_finishing_again_waits_for_the_audit_and_does_not_repeat_it(
    owned: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    audited = Event()
    monkeypatch.setattr(
        owned.conductor, "wait_end", lambda timeout_s: (audited.wait(), Audited(exit_code=0))[1]
    )
    coordinator = owned.begun()
    first, second = gevent.spawn(coordinator.finish), gevent.spawn(coordinator.finish)
    pass_control()
    assert not first.dead
    assert not second.dead

    audited.set()
    gevent.joinall([first, second], raise_error=True)
    assert [type(message) for message in owned.conductor.told] == [Begin, End]
    assert owned.conductor.closed == 1


def test_what_the_conductor_tells_is_shown(owned: Owned) -> None:
    note = Note(t_s=1.0, level="fault", text="block is on")
    coordinator = owned.begun()
    owned.conductor.heard(Told(note=note))
    coordinator.finish()

    assert note in owned.shown
