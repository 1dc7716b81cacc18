"""What keeps a receipt from being a proof, in both languages. Pure.

Times are host-monotonic seconds. The probes given here are those of one proxy that can show the
fault at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import inf

from chaos.bites import HEAL_S, Judge, Moments, Span, masked
from harness.receipts import Probe
from harness.runsettings import Text

_PROMPT_S = 1.0
"""A fault that bites later than this after it was confirmed is not what was asked for."""
_BEFORE_S = 2.0
"""How far back a bite before the request is looked for."""
_CHANCE = 2
"""So many late answers before it prove nothing."""
_IN_FLIGHT_S = 1.0
"""A probe without an answer that was sent this shortly before the request may be the fault's."""
_LAPSE_S = 3.0
"""Nothing hit for so long before its end: a whole fault has stopped by itself. Longer than the
canary's time-out for opening a connection, during which a line cannot probe."""


def missing_steps(moments: Moments) -> list[Text]:
    """Steps of the director that the history does not have."""
    if moments.requested_s is None:
        return [Text("it was never requested", "요청된 적이 없습니다")]
    problems: list[Text] = []
    if moments.applied_s is None:
        en = "it was never confirmed as set"
        problems.append(Text(en, "설정되었음이 확인되지 않았습니다"))
    if moments.heal_requested_s is None:
        problems.append(Text("it was never ended", "끝내지 않았습니다"))
    elif moments.heal_applied_s is None:
        en = "it was never confirmed as removed"
        problems.append(Text(en, "제거되었음이 확인되지 않았습니다"))
    return problems


def healed_at(probes: Sequence[Probe], judge: Judge, masks: Sequence[Span]) -> float | None:
    """The first good probe of the healing that no broken one follows for a while.

    A late answer after a good one is not counted against it: when the users come back, the
    server is slow, and that is what the run is to measure. Nor is another fault's doing.
    """
    asked_s = judge.moments.heal_requested_s
    if asked_s is None:
        return None
    after = [probe for probe in probes if probe.sent_s >= asked_s]
    broken_s = [p.sent_s for p in after if judge.broken(p) and not masked(p, masks)]
    for probe in after:
        next_broken = bisect_left(broken_s, probe.sent_s)
        lasts = not any(t <= probe.sent_s + HEAL_S for t in broken_s[next_broken : next_broken + 1])
        if judge.good(probe) and lasts:
            return probe.sent_s
    return None


def before(
    proxy: str, probes: Sequence[Probe], judge: Judge, *, requested_s: float, often: float
) -> list[Text]:
    """Was the proxy good before? ``probes`` are those that no other fault can have hit, ``often``
    is the part of them that the fault hits while it is on."""
    earlier = [probe for probe in probes if probe.sent_s < requested_s]
    if not any(probe.outcome == "ok" for probe in earlier):
        return [
            Text(
                f"{proxy} had no good probe before it, so there is nothing to compare with",
                f"{proxy}: 장애 전에 정상인 탐침이 없어 비교할 것이 없습니다",
            )
        ]
    ended = [
        probe
        for probe in earlier
        if probe.sent_s >= requested_s - _BEFORE_S
        and (probe.answered_s or probe.sent_s + _IN_FLIGHT_S) < requested_s
    ]
    broken = sum(map(judge.broken, ended))
    late = sum(map(judge.late, ended))
    if broken or late > max(len(ended) * often / 2, _CHANCE):
        hit, total = broken + late, len(ended)
        return [
            Text(
                f"{proxy} was bitten before it was requested"
                f" ({hit} of {total} probes of the {_BEFORE_S:g} s before)",
                f"{proxy}: 요청하기 전에 이미 영향이 있었습니다"
                f"(직전 {_BEFORE_S:g}초의 탐침 {total}회 중 {hit}회)",
            )
        ]
    return []


def biting(
    proxy: str,
    hits: Sequence[Probe],
    moments: Moments,
    *,
    share: float,
    starts_s: float,
    pauses_s: float,
    bites_every_s: float = 0.0,
) -> list[Text]:
    """Did it hit in time, and until its end? ``hits`` in the order of sending; the fault itself
    lets everything pass for its first ``starts_s``, for ``pauses_s`` at a time, and bites only
    every so often."""
    if not hits:
        return [
            Text(
                f"no probe through {proxy} was hit",
                f"{proxy}: 영향을 받은 탐침이 없습니다",
            )
        ]
    problems: list[Text] = []
    set_s = inf if moments.applied_s is None else moments.applied_s + starts_s
    if hits[0].sent_s > set_s + _PROMPT_S + bites_every_s:
        late_s = hits[0].sent_s - set_s
        en = f"{proxy} was hit only {late_s:.2f} s after it was applied"
        ko = f"{proxy}: 적용하고 {late_s:.2f}초가 지나서야 영향이 나타났습니다"
        problems.append(Text(en, ko))
    end_s = moments.heal_requested_s
    if (
        share == 1
        and end_s is not None
        and hits[-1].sent_s < (end_s - _LAPSE_S - max(pauses_s, bites_every_s))
    ):
        early_s = end_s - hits[-1].sent_s
        en = f"{proxy} was no longer hit from {early_s:.2f} s before its end on"
        problems.append(Text(en, f"{proxy}: 끝나기 {early_s:.2f}초 전부터 영향이 없었습니다"))
    return problems


def healing(
    proxy: str, healed_s: float | None, moments: Moments, masks: Sequence[Span]
) -> list[Text]:
    """Was the proxy good again in time? Another fault on it puts that off to its own end."""
    done_s = moments.heal_applied_s
    if done_s is None:
        return []
    limit_s = done_s + HEAL_S
    for mask in sorted(masks, key=lambda mask: mask.begin_s):
        if mask.begin_s <= limit_s and mask.end_s > done_s:
            limit_s = max(limit_s, mask.end_s + HEAL_S)
    if healed_s is None:
        return [Text(f"{proxy} was never good again", f"{proxy}: 끝내 회복되지 않았습니다")]
    if healed_s > limit_s:
        late_s = healed_s - done_s
        en = f"{proxy} was good again only {late_s:.2f} s after its end"
        return [Text(en, f"{proxy}: 끝나고 {late_s:.2f}초가 지나서야 회복되었습니다")]
    return []
