"""``python -m benchmarks.hidden_tabs``: what a thousand hidden tabs cost, beside visible ones.

Real drivers, sessions, timers and greenlets; no network: the browser refuses the WebSocket, so
every page polls every 3 s, and each poll is answered at once. One process for each kind, all at
the same time. A part of ``make bench``.
"""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
from collections.abc import Callable
from random import Random
from typing import Literal, get_args

import gevent
import msgspec
from rich.console import Console
from rich.table import Table

from harness.client.browser import BROWSERS
from harness.client.policy import POLICIES
from harness.client.session import Identity, Session
from harness.clock import monotonic_s
from harness.drivers.http_pool import Answer
from harness.drivers.sockets import Endpoint
from harness.drivers.timer_wheel import TimerWheel
from harness.drivers.user_driver import UserDriver
from harness.recorder import BlockBuffer
from harness.runsettings import PlannedAct
from harness.wire.api import ListAnswer

TABS = 1_000
OPENING_S = 3.0
"""The pages open, and polls begin, spread over this."""
CHAINING_S = 17.0
"""Timers are five deep after so many seconds of polling."""
MEASURED_S = 15.0
MOST_TIMES_VISIBLE = {"hidden": 0.75, "hidden for long": 0.2}
"""CPU as a multiple of the visible tabs' in the same run; seen: 0.33 and 0.08. A young hidden tab
polls every 4 s (3 s, and on to the next whole second), an old one once a minute."""

POLICY = msgspec.structs.replace(POLICIES["plan"], fallback_after_silence_s=1.0)
"""Polls on in a hidden tab; and it begins so soon that nobody has to wait for it here."""

Kind = Literal["visible", "hidden", "hidden for long"]
NOTHING = Answer(200, msgspec.json.encode(ListAnswer(True)))


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """A thousand tabs of one kind, in a second."""

    kind: Kind
    cpu_ms_per_s: float
    polls_per_s: float
    callbacks_per_s: float
    """Of the loop, for timers."""
    greenlets: int
    """That were alive between the polls."""


class HiddenTabs(msgspec.Struct, frozen=True, kw_only=True):
    """All kinds, of one run."""

    costs: tuple[Cost, ...]

    def times_visible(self, cost: Cost) -> float:
        return cost.cpu_ms_per_s / self.costs[0].cpu_ms_per_s

    @property
    def holds(self) -> bool:
        """Whether what can be compared between machines is in its bounds."""
        return not any(cost.greenlets for cost in self.costs) and all(
            self.times_visible(cost) <= MOST_TIMES_VISIBLE.get(cost.kind, 1.0)
            for cost in self.costs
        )


def measure() -> HiddenTabs:
    """Takes about 40 seconds."""
    command = [sys.executable, "-m", "benchmarks.hidden_tabs"]
    running = [
        subprocess.Popen([*command, kind], stdout=subprocess.PIPE) for kind in get_args(Kind)
    ]
    answers = [process.communicate()[0] for process in running]
    return HiddenTabs(costs=tuple(msgspec.json.decode(answer, type=Cost) for answer in answers))


class NoNetwork:
    """In the place of a pool: every read has nothing new."""

    def __init__(self) -> None:
        self.polls = 0

    def request(
        self, method: str, path: str, body: bytes | None, on_repeat: Callable[[], None]
    ) -> Answer:
        del method, path, body, on_repeat
        self.polls += 1
        return NOTHING

    def close(self) -> None: ...


def cost_of(kind: Kind) -> Cost:
    """Run a thousand tabs of this kind in this process."""
    gevent.config.track_greenlet_tree = False
    wheel = TimerWheel(gevent.get_hub().loop, monotonic_s)
    http, sink = NoNetwork(), BlockBuffer("bench")
    drivers = [_driver(number, kind, http, wheel, sink) for number in range(TABS)]
    for driver in drivers:
        driver.start()
        gevent.sleep(OPENING_S / TABS)
    gevent.sleep(CHAINING_S)
    cpu_s, polls, turns, begin_s = _cpu_s(), http.polls, wheel.turns, monotonic_s()
    gevent.sleep(MEASURED_S)
    took_s = monotonic_s() - begin_s
    cost = Cost(
        kind=kind,
        cpu_ms_per_s=1e3 * (_cpu_s() - cpu_s) / took_s,
        polls_per_s=(http.polls - polls) / took_s,
        callbacks_per_s=(wheel.turns - turns) / took_s,
        greenlets=_greenlets(),
    )
    for driver in drivers:
        driver.stop()
    return cost


def _driver(
    number: int, kind: Kind, http: NoNetwork, wheel: TimerWheel, sink: BlockBuffer
) -> UserDriver:
    browser = BROWSERS["chrome-extension"]
    if kind == "hidden for long":
        browser = msgspec.structs.replace(browser, chained_after_s=0.0)
    identity = Identity(
        user=number,
        user_id=str(number),
        webinar=1,
        cohort="all",
        seed=1,
        api_key="key",
        token="token",
        throttling=browser.throttling(Random(number)),
    )
    now_s = monotonic_s()
    hide = PlannedAct(user=number, number=0, at_s=0.0, act="hide")
    return UserDriver(
        number,
        Session(identity, POLICY, sink),
        (),
        acts=() if kind == "visible" else (hide,),
        realtime=Endpoint(address=("127.0.0.1", 1), host="localhost"),
        http=http,  # type: ignore[arg-type]  # a pool by its two methods
        browser=browser,
        wheel=wheel,
        load_begins_s=now_s,
        load_ends_s=now_s + 3_600.0,
        clock=monotonic_s,
        on_crash=_crashed,
    )


def _crashed(user: int, error: BaseException) -> None:
    raise SystemExit(f"tab {user} crashed: {error!r}")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _greenlets() -> int:
    gc.collect()
    return sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())


def table(tabs: HiddenTabs) -> Table:
    """For people."""
    shown = Table(title="Cost of a thousand tabs that poll every 3 s", title_justify="left")
    shown.add_column("figure")
    for cost in tabs.costs:
        shown.add_column(cost.kind, justify="right")
    bounds = [MOST_TIMES_VISIBLE.get(cost.kind) for cost in tabs.costs]
    rows = {
        "CPU": [f"{cost.cpu_ms_per_s:.1f} ms/s" for cost in tabs.costs],
        "CPU / visible": [
            f"{tabs.times_visible(cost):.2f}" + (f" (at most {bound:g})" if bound else "")
            for cost, bound in zip(tabs.costs, bounds, strict=True)
        ],
        "polls a second": [f"{cost.polls_per_s:.0f}" for cost in tabs.costs],
        "timer callbacks of the loop a second": [
            f"{cost.callbacks_per_s:.0f}" for cost in tabs.costs
        ],
        "greenlets between the polls": [str(cost.greenlets) for cost in tabs.costs],
    }
    for figure, values in rows.items():
        shown.add_row(figure, *values)
    return shown


def main(arguments: list[str]) -> int:
    """Without an argument, all kinds; with one, that kind in this process, as JSON."""
    if arguments:
        kind = msgspec.convert(arguments[0], Kind)
        print(msgspec.json.encode(cost_of(kind)).decode())
        return 0
    tabs = measure()
    Console(width=110).print(table(tabs))
    print(msgspec.json.encode(tabs).decode())
    return 0 if tabs.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
