"""The probes of a canary on a network that is bad at known times, computed without a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.receipts import Probe, ProbeKind, ProbeOutcome

PERIOD_S = 0.05
USUAL_S = 0.002


@dataclass(frozen=True)
class Bad:
    """A network that is bad in ``begin_s <= t < end_s``."""

    kind: str
    """A kind of the fault catalogue."""
    begin_s: float
    end_s: float
    delay_s: float = 0.0
    """What ``latency`` adds to a round trip."""

    def touches(self, probe: Probe) -> bool:
        return self.begin_s <= probe.sent_s < self.end_s

    def on(self, probe: Probe) -> Probe:
        """What becomes of a probe that would have been good."""
        if self.kind in ("refused", "flapping"):
            return _ended(probe, "refused")
        if probe.kind == "connect":
            return probe
        if self.kind in ("half_open", "loss"):
            return _ended(probe, "ok", self.end_s + USUAL_S)
        if self.kind == "latency":
            return _ended(probe, "ok", min(probe.sent_s + self.delay_s, self.end_s) + USUAL_S)
        return _ended(probe, "closed")


def _ended(probe: Probe, outcome: ProbeOutcome, answered_s: float | None = None) -> Probe:
    return Probe(
        proxy=probe.proxy,
        kind=probe.kind,
        sent_s=probe.sent_s,
        outcome=outcome,
        answered_s=answered_s,
    )


def probes(begin_s: float, end_s: float, bad: Mapping[str, tuple[Bad, ...]]) -> Iterator[Probe]:
    """Every proxy of ``bad`` (one ending in ``-realtime`` or ``-api``), probed all the time."""
    for proxy, troubles in bad.items():
        kinds: tuple[ProbeKind, ...] = (
            ("ws", "connect") if proxy.endswith("-realtime") else ("http",)
        )
        for number in range(round((end_s - begin_s) / PERIOD_S)):
            sent_s = begin_s + number * PERIOD_S
            good = Probe(
                proxy=proxy,
                kind=kinds[number % len(kinds)],
                sent_s=sent_s,
                outcome="ok",
                answered_s=sent_s + USUAL_S,
            )
            trouble = next((each for each in troubles if each.touches(good)), None)
            yield good if trouble is None else trouble.on(good)
