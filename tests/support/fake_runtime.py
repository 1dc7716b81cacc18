"""Stand-ins for what the load's parts talk to: Locust's runner and events, and the conductor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from harness.rundir import RunDir
from scenarios.messages import (
    Address,
    Audited,
    CannotRun,
    CohortEndpoints,
    Ready,
    ToConductor,
)
from scenarios.model import Scenario, load_scenario
from tests.support.locust_stats import RequestStats

READY = Ready(
    run_id="run-1",
    endpoints={
        "all-users": (
            CohortEndpoints(api=Address("127.0.0.1", 3001), realtime=Address("127.0.0.1", 4001)),
        )
    },
    jwt_secret="a-secret-of-at-least-thirty-two-bytes",
    api_key="an-api-key",
)


def small_scenario(users: int = 3) -> Scenario:
    """The steady scenario with few users; its one cohort is the one of :data:`READY`."""
    base = load_scenario("steady")
    return msgspec.structs.replace(
        base,
        load=msgspec.structs.replace(base.load, users=users, room_size=2),
        cohorts=(msgspec.structs.replace(base.cohorts[0], name="all-users"),),
    )


@dataclass(frozen=True)
class Sent:
    """A message that went over Locust's channel, as its receiver has it."""

    type: str
    data: Any
    client_id: str | None


class FakeRunner:
    """Keeps what is sent, after the way over the wire (Locust packs it as MessagePack)."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def send_message(self, msg_type: str, data: Any, client_id: str | None = None) -> None:
        packed = msgspec.msgpack.encode(data)
        self.sent.append(Sent(msg_type, msgspec.msgpack.decode(packed), client_id))

    def of(self, msg_type: str) -> list[Sent]:
        return [sent for sent in self.sent if sent.type == msg_type]


class FakeRequestEvent:
    """Locust's ``request`` event; keeps what is fired."""

    def __init__(self) -> None:
        self.fired: list[dict[str, Any]] = []

    def fire(self, **request: Any) -> None:
        self.fired.append(request)


@dataclass
class FakeEvents:
    request: FakeRequestEvent = field(default_factory=FakeRequestEvent)


@dataclass
class FakeEnvironment:
    runner: FakeRunner = field(default_factory=FakeRunner)
    events: FakeEvents = field(default_factory=FakeEvents)
    stats: RequestStats = field(default_factory=RequestStats)


class FakeConductor:
    """In the place of a :class:`scenarios.conductor_link.ConductorLink`: answers as told."""

    def __init__(
        self,
        *,
        ready: Ready | CannotRun = READY,
        end: Audited | CannotRun | None = None,
    ) -> None:
        self._ready = ready
        self._end = end or Audited(exit_code=0)
        self.told: list[ToConductor] = []
        self.heard: Any = None
        """What the coordinator listens with."""
        self.closed = 0

    def __call__(self, run: RunDir, language: str, heard: Any) -> FakeConductor:
        self.heard = heard
        return self

    def wait_ready(self, timeout_s: float) -> Ready | CannotRun:
        return self._ready

    def tell(self, message: ToConductor) -> None:
        self.told.append(message)

    def wait_end(self, timeout_s: float) -> Audited | CannotRun:
        return self._end

    def close(self) -> None:
        self.closed += 1


class ManualClock:
    """A monotonic clock that stands until it is moved."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s
