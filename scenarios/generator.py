"""One process that carries users: their drivers, its record, and how it is doing.

Talks to the coordinator over Locust's own message channel, so that one process, ``--processes``
and workers on other hosts leave the same run directory. Messages: ``chatquake.begin`` (from the
coordinator: the run as it is), ``chatquake.lease``/``chatquake.leased`` (a user's index),
``chatquake.blocks`` (records), ``chatquake.status`` (counters), ``chatquake.finish`` and the
last blocks, marked as last.
"""

from __future__ import annotations

import os
import time
import tomllib
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import gevent
import msgspec
import psutil
from gevent.event import AsyncResult, Event

from harness.client.session import Identity, Session
from harness.client.token_refresh import TokenStore
from harness.clock import monotonic_s
from harness.cpu_wait import CpuWait
from harness.drivers.http_pool import HttpPool
from harness.drivers.sockets import Endpoint
from harness.drivers.timer_wheel import TimerWheel
from harness.drivers.user_driver import UserDriver
from harness.recorder import BlockBuffer
from harness.records import RigSample
from harness.runsettings import PlannedSend
from harness.seeds import stream
from harness.tokens import mint, user_uuid
from scenarios.cohorts import Cohort
from scenarios.constants import token_look_s
from scenarios.locust_sink import Counters, LocustSink
from scenarios.messages import Address, Ready
from scenarios.model import Scenario, scenario_from
from scenarios.people import acts
from scenarios.population import Member, population
from scenarios.sign_ins import SignIns
from scenarios.workload import plan, plan_of

LAG_PROBE_S = 0.1
FLUSH_S = 0.5
SAMPLE_S = 1.0


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """``chatquake.begin``: what a process must know to carry users."""

    scenario_toml: str
    ready: Ready
    load_begins_at_s: float
    load_ends_at_s: float
    issued_at_unix_s: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """``chatquake.status``: what a process's users are doing."""

    process: str
    users_open: int
    users_live: int
    users_fallback: int
    sends: int
    send_timeouts: int
    deliveries: int
    polls: int


class Blocks(msgspec.Struct, frozen=True, kw_only=True):
    """``chatquake.blocks``: records of a process, in order."""

    process: str
    number: int
    """Counts this process's messages from 1, so that a lost one shows."""
    content: bytes
    last: bool = False


class Generator:
    """The users of this process. Made when the run begins, finished once."""

    def __init__(self, process: str, assignment: Assignment, environment: Any) -> None:
        self._process = process
        self._runner = environment.runner
        self._ready = assignment.ready
        self._assignment = assignment
        self._scenario: Scenario = scenario_from(
            tomllib.loads(assignment.scenario_toml), where="scenario.toml"
        )
        self._members: tuple[Member, ...] = population(self._scenario)
        self._plan: tuple[PlannedSend, ...] = plan(self._scenario, run_id=self._ready.run_id)
        self._plans = plan_of(self._plan, range(len(self._members)))
        self._acts = plan_of(acts(self._scenario), range(len(self._members)))
        self._buffer = BlockBuffer(process)
        self._sink = LocustSink(self._buffer, environment.events.request)
        self._stats = environment.stats
        self._unix_minus_clock_s = time.time() - monotonic_s()
        lifetime_s = self._scenario.access_token_lifetime_s
        self._sign_ins = (
            None
            if lifetime_s is None
            else SignIns(
                secret=self._ready.jwt_secret,
                refresh_tokens=self._ready.refresh_tokens,
                lifetime_s=lifetime_s,
                unix_minus_clock_s=self._unix_minus_clock_s,
            )
        )
        # A tenth of a request's cost otherwise: the stack that spawned each greenlet.
        gevent.config.track_greenlet_tree = False
        self._drivers: list[UserDriver] = []
        self._wheel = TimerWheel(gevent.get_hub().loop, monotonic_s)
        self._leases: list[AsyncResult] = []
        self._blocks_sent = 0
        self._lag_s = 0.0
        self._self = psutil.Process()
        self._self.cpu_percent()
        self._cpu_wait = CpuWait("self", monotonic_s())
        self._sample()  # what the process weighs before its first user
        self._finished = False
        self.stopping = Event()
        """Set when all pages are to be closed."""
        self._chores = [
            gevent.spawn(self._every, FLUSH_S, self._flush),
            gevent.spawn(self._every, SAMPLE_S, self._sample),
            gevent.spawn(self._watch_lag),
        ]

    # -- users ----------------------------------------------------------------------------

    def lease(self) -> int | None:
        """The index of the next user to start; ``None`` where all are taken. Blocks."""
        answer: AsyncResult = AsyncResult()
        self._leases.append(answer)
        self._runner.send_message("chatquake.lease", {"process": self._process})
        index: int | None = answer.get()
        return index

    def leased(self, index: int | None) -> None:
        """``chatquake.leased``: the answer to the oldest request."""
        self._leases.pop(0).set(index)

    def start_user(self, index: int) -> UserDriver:
        """Open the page of one user."""
        member = self._members[index]
        cohort = member.cohort
        lanes = self._ready.endpoints[cohort.name]
        endpoints = lanes[member.before % len(lanes)]
        user_id = user_uuid(self._scenario.seed, index)
        token = mint(
            self._ready.jwt_secret,
            user_id,
            webinars={str(member.room): member.persona.role},
            issued_at_unix_s=self._assignment.issued_at_unix_s,
        )
        identity = Identity(
            user=index,
            user_id=user_id,
            webinar=member.room,
            cohort=cohort.name,
            seed=self._scenario.seed,
            api_key=self._ready.api_key,
            token=token,
            library=cohort.library,
            throttling=cohort.browser.throttling(
                stream(self._scenario.seed, "client", index, "timer-phase")
            ),
            unix_minus_clock_s=self._unix_minus_clock_s,
            token_look_s=token_look_s(self._scenario.shortened),
            worker_refused=cohort.browser.worker == "refused",
        )
        first, another_page = self._pages(identity, member)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Cache-Control": "no-store",
        }
        driver = UserDriver(
            index,
            first,
            self._plans[index],
            acts=self._acts[index],
            another_page=another_page,
            realtime=_endpoint(endpoints.realtime),
            http=HttpPool(_pair(endpoints.api), endpoints.api.host, headers, cohort.browser),
            project_http=self._project_http(endpoints.realtime, cohort),
            browser=cohort.browser,
            wheel=self._wheel,
            load_begins_s=self._assignment.load_begins_at_s,
            load_ends_s=self._assignment.load_ends_at_s,
            clock=monotonic_s,
            on_crash=self._crashed,
        )
        self._drivers.append(driver)
        driver.start()
        return driver

    def _pages(self, identity: Identity, member: Member) -> tuple[Session, Callable[[], Session]]:
        """A user's first page, and what makes the next ones."""
        policy, sign_ins = member.cohort.policy, self._sign_ins
        page = partial(Session, identity, policy, self._sink)
        if sign_ins is None:
            return page(), page

        def sign_in(at_s: float) -> TokenStore:
            webinars = {str(member.room): member.persona.role}
            return sign_ins.store(member.user, identity.user_id, webinars=webinars, at_s=at_s)

        own = self._acts[member.user]
        arrives_late = bool(own) and own[0].act == "arrive"
        begins_s = self._assignment.load_begins_at_s
        store = sign_in(begins_s + own[0].at_s if arrives_late else monotonic_s())
        if policy.renew_token:
            return page(store), partial(page, store)  # auth-js finds what it has stored
        # The app's server gives each page a token of its own.
        return page(store), lambda: page(sign_in(monotonic_s()))

    def _project_http(self, address: Address, cohort: Cohort) -> Callable[[], HttpPool] | None:
        """Makes a page's connections to the project's gateway, where any page asks Auth."""
        if self._sign_ins is None:
            return None
        headers = {
            "apikey": self._ready.api_key,
            "Authorization": f"Bearer {self._ready.api_key}",
            "X-Supabase-Api-Version": "2024-01-01",
            "Content-Type": "application/json;charset=UTF-8",
            "Accept": "*/*",
        }
        return partial(HttpPool, _pair(address), address.host, headers, cohort.browser)

    def _crashed(self, user: int, error: BaseException) -> None:
        lines = traceback.format_exception(error)
        text = f"user {user} in process {self._process} crashed: {lines[-1].strip()}"
        # From the hub: sending may block, so a greenlet does it.
        gevent.spawn(
            self._runner.send_message, "chatquake.crash", {"text": text, "trace": "".join(lines)}
        )

    # -- chores ---------------------------------------------------------------------------

    def _every(self, period_s: float, chore: Any) -> None:
        while True:
            gevent.sleep(period_s)
            chore()

    def _watch_lag(self) -> None:
        while True:
            due_s = monotonic_s() + LAG_PROBE_S
            gevent.sleep(LAG_PROBE_S)
            self._lag_s = max(self._lag_s, monotonic_s() - due_s)

    def _sample(self) -> None:
        lag_s, self._lag_s = self._lag_s, 0.0
        now_s = monotonic_s()
        self._buffer.event(
            RigSample(
                t_s=now_s,
                process=self._process,
                cpu_share=self._self.cpu_percent() / 100.0,
                loop_lag_s=lag_s,
                rss_bytes=self._self.memory_info().rss,
                open_fds=self._self.num_fds(),
                cpu_wait_share=self._cpu_wait.share(now_s),
            )
        )

    def _flush(self) -> None:
        self._sink.show(self._stats)
        self._send_blocks(self._buffer.drain(), last=False)
        counters: Counters = self._sink.counters
        sessions = [driver.session for driver in self._drivers if driver.session.is_open]
        status = Status(
            process=self._process,
            users_open=len(sessions),
            users_live=sum(s.is_live and not s.is_polling for s in sessions),
            users_fallback=sum(s.is_polling for s in sessions),
            sends=counters.sends,
            send_timeouts=counters.send_timeouts,
            deliveries=counters.deliveries,
            polls=counters.polls,
        )
        self._runner.send_message("chatquake.status", msgspec.to_builtins(status))

    def _send_blocks(self, content: bytes, *, last: bool) -> None:
        if not content:
            return
        self._blocks_sent += 1
        blocks = Blocks(process=self._process, number=self._blocks_sent, content=content, last=last)
        self._runner.send_message("chatquake.blocks", msgspec.structs.asdict(blocks))

    def finish(self) -> None:
        """Close all pages and send the last of the record. A second call changes nothing."""
        if self._finished:
            return
        self._finished = True
        self.stopping.set()
        for driver in self._drivers:
            driver.stop()
        gevent.killall(self._chores)
        self._sample()
        self._sink.show(self._stats)
        self._send_blocks(self._buffer.finish(monotonic_s()), last=True)


def _pair(address: Address) -> tuple[str, int]:
    return (address.host, address.port)


def _endpoint(address: Address) -> Endpoint:
    return Endpoint(address=_pair(address), host=address.host)


def die_with(parent: int) -> None:
    """End this worker when the process that forked it is gone. Never returns."""
    while os.getppid() == parent:
        gevent.sleep(1.0)
    os._exit(3)
