"""Wake-ups of many users, on a loop whose time is the test's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.drivers.timer_wheel import TimerWheel


@dataclass
class FakeTimer:
    due_s: float
    callback: Callable[..., None] | None = None
    args: tuple[Any, ...] = ()
    closed: bool = False

    def start(self, callback: Callable[..., None], *args: Any) -> None:
        self.callback, self.args = callback, args

    def stop(self) -> None:
        self.callback = None

    def close(self) -> None:
        assert self.callback is None
        self.closed = True


@dataclass
class FakeLoop:
    """gevent's loop, as far as timers go."""

    now_s: float = 0.0
    timers: list[FakeTimer] = field(default_factory=list)
    callbacks: int = 0

    def timer(self, after_s: float) -> FakeTimer:
        assert after_s >= 0
        self.timers.append(FakeTimer(self.now_s + after_s))
        return self.timers[-1]

    def advance(self, to_s: float) -> None:
        for timer in sorted(self.timers, key=lambda timer: timer.due_s):
            if timer.callback is not None and timer.due_s <= to_s:
                self.now_s = max(self.now_s, timer.due_s)
                self.callbacks += 1
                timer.callback(*timer.args)
        self.now_s = to_s


class Users:
    """Whoever is woken, in order."""

    def __init__(self, loop: FakeLoop) -> None:
        self.wheel = TimerWheel(loop, lambda: loop.now_s)
        self.woken: list[int] = []
        self._wakes: dict[int, Callable[[], None]] = {}

    def wake_of(self, user: int) -> Callable[[], None]:
        return self._wakes.setdefault(user, lambda: self.woken.append(user))


def test_a_thousand_users_of_one_moment_are_one_callback_in_their_order() -> None:
    loop = FakeLoop()
    users = Users(loop)
    for user in range(1_000):
        users.wheel.call_at(5.0, users.wake_of(user))

    assert users.wheel.moments == 1
    loop.advance(5.0)

    assert (loop.callbacks, users.woken) == (1, list(range(1_000)))
    assert users.wheel.moments == 0


def test_nobody_is_woken_before_their_moment_and_what_has_passed_comes_at_once() -> None:
    loop = FakeLoop(now_s=10.0)
    users = Users(loop)
    users.wheel.call_at(12.0, users.wake_of(1))
    users.wheel.call_at(3.0, users.wake_of(2))

    loop.advance(11.9)
    assert users.woken == [2]
    loop.advance(12.0)
    assert users.woken == [2, 1]


def test_a_cancelled_call_is_not_made_and_leaves_no_timer() -> None:
    loop = FakeLoop()
    users = Users(loop)
    users.wheel.call_at(5.0, users.wake_of(1))
    users.wheel.call_at(5.0, users.wake_of(2))
    users.wheel.cancel(5.0, users.wake_of(1))
    users.wheel.cancel(7.0, users.wake_of(1))
    loop.advance(5.0)
    assert users.woken == [2]

    users.wheel.call_at(6.0, users.wake_of(1))
    users.wheel.cancel(6.0, users.wake_of(1))
    assert users.wheel.moments == 0
    assert all(timer.closed for timer in loop.timers)


def test_one_may_cancel_another_of_the_same_moment() -> None:
    loop = FakeLoop()
    users = Users(loop)
    second = users.wake_of(2)
    users.wheel.call_at(5.0, lambda: users.wheel.cancel(5.0, second))
    users.wheel.call_at(5.0, second)

    loop.advance(5.0)

    assert users.woken == []


def test_who_asks_for_the_moment_that_is_now_is_woken_by_another_turn_of_the_loop() -> None:
    """Else a clock that is behind the loop's would keep the loop in one callback for ever."""
    loop = FakeLoop()
    users = Users(loop)
    users.wheel.call_at(5.0, lambda: users.wheel.call_at(5.0, users.wake_of(1)))

    loop.advance(5.0)
    assert users.woken == []

    loop.advance(5.0)
    assert users.woken == [1]
