"""What a fault is: its change to a proxy, its sentence, and how a probe shows it."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

import msgspec

from chaos.toxiproxy.model import Stream, Toxic, ToxicType
from harness.receipts import ProbeKind, ProbeOutcome
from harness.runsettings import Text

Side = Literal["realtime", "api", "both"]
"""Which of a cohort's two proxies a fault is on."""


class Disable(msgspec.Struct, frozen=True):
    """Switch the proxy off: its sockets are closed, new connects are refused."""


Change = Disable | Toxic
"""One change to one proxy. It is taken back by enabling the proxy or removing the toxic."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """How a probe of the canary shows that a fault bites."""

    kinds: frozenset[ProbeKind]
    """The probes that can show it: a bare connect says nothing about stalled data."""
    outcomes: frozenset[ProbeOutcome]
    """The endings that are the fault's own."""
    slower_by_s: float | None = None
    """An answer this much later than usual is a bite too; ``None``: slowness says nothing."""


SILENCE = Evidence(
    kinds=frozenset(("ws", "http")), outcomes=frozenset(("unanswered", "closed")), slower_by_s=0.5
)
"""Nothing passes: no answer, or one that waited for the end. Half a second is well above a busy
server's answer and well below any stall worth simulating."""


class Fault(Protocol):
    """One thing that goes wrong on the network. Each kind is a frozen type of its own."""

    kind: ClassVar[str]
    """The name of the type in a scenario and in the catalogue."""
    disables: ClassVar[bool]
    """It switches the whole proxy off: no share of the connections, no second fault beside it."""

    def changes(self, label: str, share: float) -> tuple[Change, ...]:
        """The changes to each proxy, in order; toxics are named ``<label>-<direction>``."""
        ...

    def evidence(self) -> Evidence: ...

    def sentence(self) -> Text:
        """What the user's connection does, for people who know no proxies."""
        ...


BOTH_WAYS: tuple[Stream, ...] = ("upstream", "downstream")


def toxics(
    label: str,
    type_: ToxicType,
    attributes: dict[str, int],
    share: float,
    streams: tuple[Stream, ...] = BOTH_WAYS,
) -> tuple[Toxic, ...]:
    """The same toxic on each of the streams, named ``<label>-<stream>``."""
    return tuple(
        Toxic(
            name=f"{label}-{stream}",
            type=type_,
            stream=stream,
            attributes=attributes,
            toxicity=share,
        )
        for stream in streams
    )
