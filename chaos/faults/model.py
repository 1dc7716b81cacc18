"""What a fault is: its changes over time, its sentence, and how a probe shows it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal, Protocol

import msgspec

from chaos.toxiproxy.model import Stream, Toxic, ToxicType
from harness.receipts import ProbeKind, ProbeOutcome
from harness.runsettings import Text

Side = Literal["realtime", "api", "both"]
"""Which of a cohort's two proxies a fault of the network is on."""

Means = Literal["toxiproxy", "relay", "server", "browser"]
"""The part of the rig that plays a fault: the first two stand between clients and server."""


class Disable(msgspec.Struct, frozen=True):
    """Switch the proxy off: its sockets are closed, new connects are refused."""


Change = Disable | Toxic
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
    """Begins the names of its toxics; fit for a URL."""
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


SILENCE = Evidence(
    kinds=frozenset(("ws", "http")), outcomes=frozenset(("unanswered", "closed")), slower_by_s=0.5
)
"""Nothing passes: no answer, or one that waited for the end. Half a second is well above a busy
server's answer and well below any stall worth simulating."""


class Fault(Protocol):
    """One thing that goes wrong. Each kind is a frozen type of its own."""

    kind: ClassVar[str]
    """The name of the type in a scenario and in the catalogue."""
    means: ClassVar[Means]
    disables: ClassVar[bool]
    """It switches the whole proxy off: no share of the connections, no second fault beside it."""

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
