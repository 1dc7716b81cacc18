"""What a fault is: its changes over time, its sentence, and how a probe shows it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal, Protocol

import msgspec

from chaos.faults.moves import Moved
from chaos.faults.server.switches import Down, Turned
from chaos.relay.rules import Act, Rule
from chaos.toxiproxy.model import Stream, Toxic, ToxicType
from harness.receipts import ProbeKind, ProbeOutcome
from harness.runsettings import Text

Side = Literal["realtime", "api", "both"]
"""Which of a cohort's two proxies a fault of the network is on."""

Means = Literal["toxiproxy", "relay", "server", "browser"]
"""The part of the rig that plays a fault: the first two stand between clients and server."""


class Disable(msgspec.Struct, frozen=True):
    """Switch the proxy off: its sockets are closed, new connects are refused."""


Change = Disable | Toxic | Rule | Turned | Down | Moved
"""One change to one part of the rig; taking it back leaves no trace of it."""


class Stage(msgspec.Struct, frozen=True):
    """What holds from a moment of a fault on, until its next stage or its end."""

    after_s: float
    """Seconds after the fault's begin; 0 for the first stage."""
    changes: tuple[Change, ...]
    """All that hold now; nothing, where the fault pauses."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The one place in a scenario for which a fault is worked out."""

    label: str
    """Begins the names of its toxics and rules; fit for a URL."""
    share: float
    """Of the connections, above 0 up to 1."""
    for_s: float
    rng: Random
    """The fault's own stream."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """How a probe of the canary shows that a fault bites."""

    kinds: frozenset[ProbeKind]
    """The probes that can show it: a bare connect says nothing about stalled data."""
    outcomes: frozenset[ProbeOutcome]
    """The endings that are the fault's own."""
    slower_by_s: float | None = None
    """An answer this much later than usual is a bite too; ``None``: slowness says nothing."""
    bulk_bytes: int | None = None
    """What a ``bulk`` probe has to carry each way to feel it; ``None`` where none is asked."""
    bites_every_s: float = 0.0
    """Its bites come so far apart, the first one too: it lets everything pass meanwhile."""
    silent_s: float | None = None
    """Only a connection that was silent for so long shows it."""
    cuts_sockets: Literal["all", "busy"] | None = None
    """It ends the users' open WebSockets: all, or those to which something is sent."""
    rows_late_by_s: float | None = None
    """A row on a user's open WebSocket comes so much later, or not at all. Where neither is said,
    the users' sockets cannot show how many of them it hit."""


SILENCE = Evidence(
    kinds=frozenset(("ws", "http")), outcomes=frozenset(("unanswered", "closed")), slower_by_s=0.5
)
"""Nothing passes: no answer, or one that waited for the end. Half a second is well above a busy
server's answer and well below any stall worth simulating."""


IN_RECORDS = Evidence(kinds=frozenset(), outcomes=frozenset())
"""No probe shows it: it is in the users' browsers, and in their records."""

SWITCHED = Evidence(kinds=frozenset(("switches",)), outcomes=frozenset(("turned",)))
"""The server says that it is so; what comes of it no probe of the canary can show."""


class Ramping(msgspec.Struct, frozen=True):
    """The number of a kind that ``ramp_s`` can make grow, or shrink, to what is written."""

    field: str
    rest: float
    """Its value where nothing is wrong; the ramp begins one step from there."""


class Fault(Protocol):
    """One thing that goes wrong. Each kind is a frozen type of its own.

    One with a number that can come on by degrees says so by ``ramps: ClassVar[Ramping]``; it has
    one stage only.
    """

    kind: ClassVar[str]
    """The name of the type in a scenario and in the catalogue."""
    means: ClassVar[Means]
    disables: ClassVar[bool]
    """It switches the whole proxy, or the server, off: no share of the connections, no second
    fault beside it."""

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        """What it changes, from when on: to each of its proxies. At its end all is undone."""
        ...

    def evidence(self) -> Evidence: ...

    def sentence(self) -> Text:
        """What the user's connection does, for people who know no proxies."""
        ...


def steady(*changes: Change) -> tuple[Stage, ...]:
    """A fault that does the same from its begin to its end."""
    return (Stage(0.0, changes),)


BOTH_WAYS: tuple[Stream, ...] = ("upstream", "downstream")


def toxics(
    setting: Setting,
    type_: ToxicType,
    attributes: dict[str, int],
    streams: tuple[Stream, ...] = BOTH_WAYS,
) -> tuple[Toxic, ...]:
    """The same toxic on each of the streams, named ``<label>-<stream>``."""
    return tuple(
        Toxic(
            name=f"{setting.label}-{stream}",
            type=type_,
            stream=stream,
            attributes=attributes,
            toxicity=setting.share,
        )
        for stream in streams
    )


def on_relay(setting: Setting, act: Act) -> Rule:
    """The rule for the relay; which connections of a share it hits follows from the seed."""
    return Rule(name=setting.label, act=act, share=setting.share, seed=setting.rng.getrandbits(32))
