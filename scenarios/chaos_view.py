"""What ``chatquake chaos`` shows: lines in two languages, or JSON lines for scripts. Pure.

The keys of the JSON lines are those of the types here and in :mod:`chaos.live`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from chaos.live import Began, Ended, FirstEffect, News, NothingYet, Proof, Trouble
from harness.runsettings import Text
from scenarios.chaos_commands import keys
from scenarios.chaos_pages import Pages

Language = Literal["en", "ko"]


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="ready"):
    """Everything is up; no fault is on yet."""

    title: Text
    by_key: bool
    faults: dict[str, Text]
    """By name, what each does."""
    left_out: tuple[str, ...]
    pages: tuple[Pages, ...]
    direct_page: str
    api_key: str


class Said(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="note"):
    """Something worth a line."""

    t_s: float
    text: Text


class State(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="state"):
    """Which faults are on."""

    t_s: float
    by_key: bool
    faults: dict[str, float | None]
    """By name in the order of their keys: for how many seconds; ``None``: off."""
    due_s: dict[str, float]
    """In how many seconds those of a timeline begin that are still to come."""


class Over(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="end"):
    """All is healed and stopped."""

    exit_code: int
    proved: int
    """Receipts that are a proof."""
    unproved: int


Shown = Ready | Said | State | Over | News

COUNTDOWN = Text(en="the timeline begins in {} s", ko="{}초 뒤에 타임라인이 시작됩니다")
PRESS_ENTER = Text(
    en="open the page, then press Enter (or type: start) to begin the timeline",
    ko="페이지를 연 다음 Enter를 누르거나 start를 입력하면 타임라인이 시작됩니다",
)
BEGINS = Text(
    en="the timeline begins: the first fault comes in {} s, the last ends after {} s",
    ko="타임라인을 시작합니다. 첫 장애까지 {}초, 마지막 장애는 {}초 뒤에 끝납니다",
)
RUNS_ALREADY = Text(en="the timeline is running already", ko="타임라인이 이미 진행 중입니다")
TIMELINE_OVER = Text(
    en="the timeline is over; Enter plays it again, q ends",
    ko="타임라인이 끝났습니다. Enter는 다시 시작, q는 종료입니다",
)
STOPPING = Text(en="stopping: healing what is on …", ko="종료합니다. 켜진 장애를 복구합니다 …")
BY_KIND = Text(
    en="Faults by key: press a key to turn one on, and again to turn it off",
    ko="키로 켜고 끄는 장애: 한 번 누르면 켜지고 다시 누르면 꺼집니다",
)
HEALING = Text(en="healing what is on …", ko="켜진 장애를 복구합니다 …")
STILL_ENDING = Text(en="{} is still being healed", ko="{}: 아직 복구하는 중입니다")
IS_SO = Text(en="{} is so already", ko="{}: 이미 그 상태입니다")
LAST_RECEIPTS = Text(
    en="waiting for the last receipts; Ctrl-C does not wait",
    ko="마지막 영수증을 기다립니다. Ctrl-C를 누르면 바로 끝납니다",
)
NO_MORE_COMMANDS = Text(en="no more commands come in: ending", ko="더 들어올 명령이 없어 끝냅니다")


def fill(text: Text, *values: object) -> Text:
    """Both languages with the values in their places."""
    return Text(en=text.en.format(*values), ko=text.ko.format(*values))


def as_json(shown: Shown) -> str:
    """One line."""
    return msgspec.json.encode(shown).decode()


def lines(shown: Shown, language: Language) -> list[str]:
    """What a person reads."""
    match shown:
        case Ready():
            return _opening(shown, language)
        case State():
            return [f"{_at(shown.t_s)} {_states(shown, language)}"]
        case Said():
            return [f"{_at(shown.t_s)} {_in(shown.text, language)}"]
        case Over():
            return [_in(_end(shown), language)]
        case _:
            return [f"{_at(shown.t_s)} {shown.fault}: {_in(_news(shown), language)}"]


def footer(state: State, language: Language) -> str:
    """What stays at the bottom of a terminal: which faults are on, and the keys."""
    if state.by_key:
        rest = Text(en="0 heals all · ? lists · q ends", ko="0 모두 복구 · ? 목록 · q 종료")
    else:
        rest = Text(
            en="Enter begins · 0 heals all · q ends", ko="Enter 시작 · 0 모두 복구 · q 종료"
        )
    return f"{_states(state, language)}\n{_in(rest, language)}"


def _opening(ready: Ready, language: Language) -> list[str]:
    told = [_in(ready.title, language), ""]
    for each in ready.pages:
        told += _way_in(each, language, alone=len(ready.pages) == 1)
    past = Text(
        en="And this one goes past all faults of the network, to chat with:",
        ko="네트워크 장애를 거치지 않는 대화 상대의 페이지:",
    )
    told += [_in(past, language), f"  {ready.direct_page}", ""]
    told += [f"API key  {ready.api_key}", ""]
    told += _faults(ready, language)
    return told


def _way_in(each: Pages, language: Language, *, alone: bool) -> list[str]:
    of = "" if alone else f" ({each.cohort})"
    open_it = Text(
        en=f"Open this page{of} in your browser:", ko=f"브라우저에서 이 페이지를 여세요{of}:"
    )
    told = [_in(open_it, language), f"  {each.page}"]
    if each.not_in_page:
        names = ", ".join(each.not_in_page)
        other = Text(
            en=f"  The page does not have these switches of the cohort's policy: {names}",
            ko=f"  이 그룹의 정책 중 페이지에 없는 항목: {names}",
        )
        told.append(_in(other, language))
    own = Text(en="Or your own app with these:", ko="직접 만든 앱은 이 주소로 연결하세요:")
    told += [_in(own, language), f"  API       {each.api}", f"  Realtime  {each.realtime}", ""]
    return told


def _faults(ready: Ready, language: Language) -> list[str]:
    by_name = {name: key for key, name in keys(tuple(ready.faults)).items()}
    width = max(map(len, ready.faults))
    told = []
    for name, sentence in ready.faults.items():
        key = f"{by_name.get(name, ' ')}  " if ready.by_key else ""
        told.append(f"{key}{name:<{width}}  {_in(sentence, language)}")
    if ready.left_out:
        names = ", ".join(ready.left_out)
        left = Text(
            en=f"Left out, as they happen inside an emulated browser only: {names}",
            ko=f"에뮬레이션한 브라우저 안에서만 일어나므로 제외한 장애: {names}",
        )
        told.append(_in(left, language))
    return [*told, ""]


def _states(state: State, language: Language) -> str:
    by_name = {name: key for key, name in keys(tuple(state.faults)).items()}
    parts = []
    for name, for_s in state.faults.items():
        key = f"{by_name.get(name, '')} " if state.by_key else ""
        due_s = state.due_s.get(name)
        if for_s is not None:
            how = Text(en=f"ON {for_s:.0f} s", ko=f"켜짐 {for_s:.0f}초")
        elif due_s is not None:
            how = Text(en=f"in {due_s:.0f} s", ko=f"{due_s:.0f}초 뒤")
        else:
            how = Text(en="off", ko="꺼짐")
        parts.append(f"{key}{name} {_in(how, language)}")
    return " · ".join(parts)


def _news(news: News) -> Text:
    match news:
        case Began():
            return Text(en="is on", ko="켜졌습니다")
        case FirstEffect():
            ms = news.after_ms
            return Text(en=f"first effect after {ms} ms", ko=f"{ms} ms 만에 첫 영향이 나타났습니다")
        case NothingYet():
            return Text(en="no effect seen yet", ko="아직 영향이 보이지 않습니다")
        case Ended():
            return Text(en="is off", ko="꺼졌습니다")
        case Trouble():
            return Text(en=f"problem: {news.text}", ko=f"문제: {news.text}")
        case Proof():
            return _proof(news)


def _proof(proof: Proof) -> Text:
    if proof.problems:
        return Text(
            en=f"NO PROOF: {'; '.join(each.en for each in proof.problems)}. {proof.effect.en}",
            ko=f"입증되지 않음: {'; '.join(each.ko for each in proof.problems)}. {proof.effect.ko}",
        )
    first_s, last_s = proof.first_effect_s or 0, proof.last_effect_s or 0
    return Text(
        en=f"receipt: bit from {first_s:.2f} to {last_s:.2f} s, good again"
        f" {proof.healed_after_ms} ms after its end; {proof.effect.en}",
        ko=f"영수증: {first_s:.2f}초부터 {last_s:.2f}초까지 영향, 끝나고"
        f" {proof.healed_after_ms} ms 만에 회복; {proof.effect.ko}",
    )


def _end(over: Over) -> Text:
    total = over.proved + over.unproved
    if over.unproved:
        return Text(
            en=f"All is healed and stopped; {over.unproved} of {total} faults were not proved.",
            ko=f"모두 복구하고 종료했습니다. 장애 {total}회 중 {over.unproved}회는 입증되지 않음.",
        )
    return Text(
        en=f"All is healed and stopped; faults proved: {total}.",
        ko=f"모두 복구하고 종료했습니다. 입증된 장애: {total}회.",
    )


def _at(t_s: float) -> str:
    return f"[{t_s:6.1f}s]"


def _in(text: Text, language: Language) -> str:
    return text.ko if language == "ko" else text.en
