"""The measured effect of a fault in words, in both languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from chaos.bites import Span
from harness.receipts import NOTHING_SEEN, Probe, ProbeKind, ProbeOutcome
from harness.runsettings import Text

_KIND_WORDS: dict[ProbeKind, Text] = {
    "ws": Text("socket", "실시간 연결"),
    "http": Text("request", "요청"),
    "connect": Text("connect", "접속"),
    "handshake": Text("handshake", "WebSocket 수립"),
    "idle": Text("idle connection", "유휴 연결"),
    "send": Text("send", "전송"),
    "row": Text("row", "실시간 메시지"),
    "join": Text("join", "채널 참여"),
    "poll": Text("poll", "폴링"),
    "clock": Text("token check", "토큰 확인"),
    "switches": Text("switches", "서버 스위치"),
    "close": Text("closing", "연결 닫기"),
    "bulk": Text("bulk", "큰 전송"),
}
_OUTCOME_WORDS: dict[ProbeOutcome, Text] = {
    "ok": Text("late", "지연"),
    "closed": Text("closed", "끊김"),
    "refused": Text("refused", "거부"),
    "unanswered": Text("unanswered", "응답 없음"),
    "error": Text("failed", "실패"),
    "turned": Text("turned", "바뀜"),
}


def in_words(
    hits: Sequence[Probe], probes: Iterable[Probe], usual_s: Sequence[Mapping[ProbeKind, float]]
) -> Text:
    """E.g. ``connect refused 148 of 148, socket closed 2 of 150``.

    ``probes`` are all of the fault's proxies; those sent between the first and the last hit are
    the whole that each count is set against. ``usual_s`` has one mapping for each proxy.
    """
    if not hits:
        return NOTHING_SEEN
    span = Span(min(hit.sent_s for hit in hits), max(hit.sent_s for hit in hits))
    total = Counter(probe.kind for probe in probes if probe.sent_s in span)
    english, korean = [], []
    for (kind, outcome), count in sorted(Counter((h.kind, h.outcome) for h in hits).items()):
        of, how = _KIND_WORDS[kind], _OUTCOME_WORDS[outcome]
        en = f"{of.en} {how.en} {count} of {total[kind]}"
        ko = f"{of.ko} {how.ko} {total[kind]}회 중 {count}회"
        if outcome == "ok":
            waits_s = [h.answered_s - h.sent_s for h in hits if h.kind == kind and h.answered_s]
            usual = [each[kind] for each in usual_s if kind in each]
            wait, before = f"{median(waits_s):.3g}", f"{median(usual or [0]):.2g}"
            en += f" (median {wait} s instead of {before} s)"
            ko += f"(중앙값 {wait}초, 평소 {before}초)"
        english.append(en)
        korean.append(ko)
    return Text(en=", ".join(english), ko=", ".join(korean))
