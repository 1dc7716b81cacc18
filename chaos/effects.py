"""The measured effect of a fault in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from chaos.bites import Span
from harness.receipts import Probe, ProbeKind, ProbeOutcome

_KIND_WORDS: dict[ProbeKind, str] = {"ws": "socket", "http": "request", "connect": "connect"}
_OUTCOME_WORDS: dict[ProbeOutcome, str] = {
    "ok": "late",
    "closed": "closed",
    "refused": "refused",
    "unanswered": "unanswered",
    "error": "failed",
}


def in_words(
    hits: Sequence[Probe], probes: Iterable[Probe], usual_s: Sequence[Mapping[ProbeKind, float]]
) -> str:
    """E.g. ``connect refused 148 of 148, socket closed 2 of 150``.

    ``probes`` are all of the fault's proxies; those sent between the first and the last hit are
    the whole that each count is set against. ``usual_s`` has one mapping for each proxy.
    """
    if not hits:
        return "no effect seen"
    span = Span(min(hit.sent_s for hit in hits), max(hit.sent_s for hit in hits))
    total = Counter(probe.kind for probe in probes if probe.sent_s in span)
    parts = []
    for (kind, outcome), count in sorted(Counter((h.kind, h.outcome) for h in hits).items()):
        words = f"{_KIND_WORDS[kind]} {_OUTCOME_WORDS[outcome]} {count} of {total[kind]}"
        if outcome == "ok":
            waits_s = [h.answered_s - h.sent_s for h in hits if h.kind == kind and h.answered_s]
            usual = [each[kind] for each in usual_s if kind in each]
            words += f" (median {median(waits_s):.3g} s instead of {median(usual or [0]):.2g} s)"
        parts.append(words)
    return ", ".join(parts)
