"""The proof of faults in the browser, from the records of their users. Pure.

No probe sees the inside of a browser. That an act was done, when, and what the page then noticed
are records of different parts: the driver's (:class:`PersonActed`) and the session's (hidden,
offline, a socket that ended, a request that went out again). Times are host-monotonic seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.faults.moves import Moved
from chaos.faults.schedule import ScheduledFault
from chaos.signs import SIGNS, is_cut, is_refused
from chaos.user_records import UserRecords
from harness.receipts import Extent, Receipt
from harness.records import Event
from harness.runsettings import ActKind, PlannedAct, Text

_OF_EXTENSIONS: frozenset[ActKind] = frozenset(("block_sockets", "cut_sockets"))


def browser_receipts(
    faults: Iterable[ScheduledFault],
    planned: Iterable[PlannedAct],
    drawn: Mapping[str, frozenset[int]],
    records: UserRecords,
    *,
    load_begins_at_s: float,
) -> dict[str, Receipt]:
    """By name, one receipt for each of those ``faults`` that are in the browser.

    ``planned`` are the acts of all users, ``drawn`` whom each fault was to hit, ``records`` those
    of every process that carried users.
    """
    own = [fault for fault in faults if fault.fault.means == "browser"]
    acts = tuple(planned)
    return {
        fault.name: _Proof(fault, _Case(own, acts, drawn, records, load_begins_at_s)).receipt()
        for fault in own
    }


@dataclass(frozen=True)
class _Case:
    """All that is known of a run."""

    faults: Sequence[ScheduledFault]
    """Those in the browser."""
    acts: Sequence[PlannedAct]
    drawn: Mapping[str, frozenset[int]]
    records: UserRecords
    load_begins_at_s: float


@dataclass(frozen=True)
class _Done:
    """An act that was planned, and was done."""

    user: int
    act: ActKind
    at_s: float
    """As planned, after the load begins."""
    t_s: float


class _Proof:
    """Looks for the effects of one fault."""

    def __init__(self, fault: ScheduledFault, case: _Case) -> None:
        self._fault = fault
        self._case = case
        self._begin_s = case.load_begins_at_s + fault.at_s
        self._end_s = case.load_begins_at_s + fault.end_s
        self._records = case.records
        self._planned = [act for act in case.acts if act.fault == fault.name]
        self._tolerances_s = {
            at_s: case.records.tolerance_s(case.load_begins_at_s + at_s)
            for at_s in {act.at_s for act in self._planned}
        }
        """How far from its moment an act may be, by that moment."""
        changes = [change for stage in fault.stages for change in stage.changes]
        moved = [change for change in changes if isinstance(change, Moved)]
        self._go = frozenset(act for each in moved for act in each.go)
        self._back = frozenset(act for each in moved for act in each.back)
        self._done, self._strangers = self._matched()
        self._hits = self._find_hits()

    def receipt(self) -> Receipt:
        traces = [event for found in self._hits.values() for event in found]
        # It bites from then on: a page that has no occasion to notice is in it all the same.
        begun_s = min((done.t_s for done in self._done if done.act in self._go), default=None)
        ends = [done.t_s for done in self._done if done.act in self._back]
        last_s = max((event.t_s for event in traces), default=None)
        if self._fault.moves_people and last_s is not None:
            last_s = max((*ends, last_s))  # they are away until they are back
        healed_s = max(ends, default=None if self._back else self._end_s)
        if healed_s is not None and last_s is not None:
            healed_s = max(healed_s, last_s)
        users = self._case.drawn[self._fault.name]
        return Receipt(
            fault=self._fault.name,
            kind=self._fault.kind,
            cohorts=self._fault.cohorts,
            proxies=(),
            planned_begin_s=self._begin_s,
            planned_end_s=self._end_s,
            requested_s=self._begin_s,
            applied_s=begun_s,
            first_effect_s=begun_s if traces else None,
            last_effect_s=last_s,
            heal_requested_s=self._end_s,
            heal_applied_s=min(ends, default=None),
            healed_s=healed_s,
            effect=self._effect(users),
            extent=Extent(unit="users", hit=len(self._hits), of=len(users)),
            problems=tuple(self._problems(users)),
        )

    def _matched(self) -> tuple[list[_Done], frozenset[int]]:
        """The acts that were done as planned, and the users who did any that they should not."""
        wanted = {(act.user, act.number): act for act in self._planned}
        done: list[_Done] = []
        strangers: set[int] = set()
        for user, record in self._records.users.items():
            for acted in record.acted.get(self._fault.name, ()):
                act = wanted.get((user, acted.number))
                theirs = record.cohort in self._fault.cohorts
                if theirs and act is not None and act.act == acted.act:
                    done.append(_Done(user, act.act, act.at_s, acted.t_s))
                else:
                    strangers.add(user)
        return done, frozenset(strangers)

    def _find_hits(self) -> dict[int, list[Event]]:
        """By user, what their page noticed of it."""
        signs = [SIGNS[act] for act in self._go if act in SIGNS]
        spans: dict[int, tuple[float, float]] = {}
        for done in self._done:
            until_s = done.t_s if self._back else self._end_s
            until_s += self._tolerances_s[done.at_s]  # what was on its way
            begin_s, end_s = spans.get(done.user, (done.t_s, until_s))
            spans[done.user] = min(begin_s, done.t_s), max(end_s, until_s)
        found: dict[int, list[Event]] = {}
        for user, (begin_s, end_s) in spans.items():
            traces = [
                event
                for event in self._records.users[user].traces
                if begin_s <= event.t_s <= end_s and any(sign.shows(event) for sign in signs)
            ]
            if traces:
                found[user] = traces
        return found

    # -- what keeps it from being a proof ---------------------------------------------------

    def _problems(self, users: frozenset[int]) -> Iterator[Text]:
        planned, done = len(self._planned), len(self._done)
        if not planned:
            yield Text(
                "none of its users is there all the time that it is on",
                "장애가 이어지는 동안 내내 있는 대상 사용자가 없습니다",
            )
        elif done < planned:
            yield Text(
                f"{planned - done} of {planned} planned acts were never done",
                f"계획한 동작 {planned}회 중 {planned - done}회가 실행되지 않았습니다",
            )
        yield from self._late()
        yield from self._spared()
        strangers = self._strangers | self._reached()
        if strangers:
            cohorts = Counter(self._records.users[user].cohort or "?" for user in strangers)
            whose = ", ".join(f"{cohort} {count}" for cohort, count in sorted(cohorts.items()))
            yield Text(
                f"users were hit who should not be: {whose}",
                f"대상이 아닌 사용자가 영향을 받았습니다: {whose}",
            )
        if planned and done and not self._hits:
            yield Text(
                f"no page of its {len(users)} users noticed anything of it",
                f"대상 사용자 {len(users)}명 중 영향을 받은 페이지가 없습니다",
            )

    def _late(self) -> Iterator[Text]:
        off_s = {
            done: abs(done.t_s - self._case.load_begins_at_s - done.at_s) for done in self._done
        }
        wrong = [off for done, off in off_s.items() if off > self._tolerances_s[done.at_s]]
        if wrong:
            worst_s = max(wrong)
            yield Text(
                f"{len(wrong)} of {len(off_s)} acts were up to {worst_s:.2f} s off their moment",
                f"동작 {len(off_s)}회 중 {len(wrong)}회가 계획과 최대 {worst_s:.2f}초 어긋났습니다",
            )

    def _spared(self) -> Iterator[Text]:
        """Pages on which an act was done, and that show nothing of it."""
        spared: set[int] = set()
        for done in self._done:
            sign = SIGNS.get(done.act)
            if done.act not in self._go or sign is None or not sign.is_due:
                continue
            user = self._records.users[done.user]
            there = user.has_socket if sign.needs_socket else user.has_page
            limit_s = done.t_s + self._tolerances_s[done.at_s]
            shown = (e for e in user.traces if done.t_s <= e.t_s <= limit_s and sign.shows(e))
            if there(done.t_s) and next(shown, None) is None:
                spared.add(done.user)
        if spared:
            count = len(spared)
            yield Text(
                f"the open pages of {count} of its users show nothing of it",
                f"대상 사용자 {count}명의 열린 페이지에 아무 영향이 없었습니다",
            )

    def _reached(self) -> frozenset[int]:
        """Users in whose browser an extension was while it was in nobody's of theirs."""
        if not self._go & _OF_EXTENSIONS:
            return frozenset()
        theirs = {
            user
            for fault in self._case.faults
            if fault.kind == self._fault.kind
            for user in self._case.drawn[fault.name]
        }
        return frozenset(
            user
            for user, record in self._records.users.items()
            if user not in theirs
            for event in record.traces
            if self._begin_s <= event.t_s <= self._end_s and (is_refused(event) or is_cut(event))
        )

    # -- in words ---------------------------------------------------------------------------

    def _effect(self, users: frozenset[int]) -> Text:
        """E.g. ``12 of 13 users hit, 1 without an open page: sockets refused 30``."""
        en = f"{len(self._hits)} of {len(users)} users hit"
        ko = f"대상 {len(users)}명 중 {len(self._hits)}명이 영향을 받음"
        absent = self._absent(users - self._hits.keys())
        if absent:
            en += f", {absent} without an open page"
            ko += f", {absent}명은 열린 페이지 없음"
        idle = len(users) - len(self._hits) - absent
        if idle:
            en += f", {idle} without an occasion"
            ko += f", {idle}명은 겪을 일이 없었음"
        counts = [
            (sign, sum(sign.shows(event) for found in self._hits.values() for event in found))
            for act, sign in SIGNS.items()
            if act in self._go
        ]
        if any(count for _, count in counts):
            en += ": " + ", ".join(f"{sign.words.en} {count}" for sign, count in counts)
            ko += ": " + ", ".join(f"{sign.words.ko} {count}" for sign, count in counts)
        return Text(en=en, ko=ko)

    def _absent(self, users: frozenset[int]) -> int:
        """How many of them were not there to be hit: by their plan, or without a page."""
        planned = {act.user for act in self._planned}
        return sum(
            user not in planned
            or user not in self._records.users
            or not self._records.users[user].has_page(self._begin_s)
            for user in users
        )
