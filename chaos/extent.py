"""How many of the users' open WebSockets a fault of the network hit, from their own records. Pure.

The canary proves that a fault was on; the users' sockets say how far it reached. Where the records
cannot tell, the extent is not measured: another fault on the same users, too little sent to them, a
kind that does not touch open sockets. Times are host-monotonic seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

import msgspec

from chaos.faults.model import Evidence
from chaos.faults.schedule import ScheduledFault
from chaos.user_records import Socket, User, UserRecords
from harness.commitlog import Commit
from harness.receipts import Extent, Receipt
from harness.runsettings import Text

_IMPOSSIBLE = 1e-6
"""A count that chance brings less often than this is no chance."""
_NEARLY_ALL = 0.98
"""Of a fault that hits all: one of them may be just opening or closing."""
_MARGIN_S = 0.5
"""Before its end: what is committed later may come after it, and in time."""
_FEW = 3
"""Of fewer rows nothing is said."""
_LOOK_BACK_S = 10.0
_USUALLY = 0.95
"""So many rows must be in time before, or lateness says nothing."""

FirstSeen = Mapping[tuple[int, int], float]
"""When a row first came to a user by Realtime, by user and row id."""


@dataclass(frozen=True, kw_only=True)
class Sockets:
    """What is known of the users' WebSockets, and of what was sent to them."""

    records: UserRecords
    rows_of: Mapping[int, Sequence[Commit]]
    """Rows that were written, by room and time."""
    seen: FirstSeen

    def rows(self, user: User, begin_s: float, end_s: float) -> Sequence[Commit]:
        """What was committed between in the user's room."""
        rows = self.rows_of.get(user.room, ())
        first = bisect_left(rows, begin_s, key=_moment)
        return rows[first : bisect_left(rows, end_s, key=_moment)]


def rows_by_room(commits: Iterable[Commit]) -> dict[int, list[Commit]]:
    """The rows that were written, by room and time."""
    rows: dict[int, list[Commit]] = {}
    for commit in sorted(commits, key=_moment):
        if commit.op == "INSERT":
            rows.setdefault(commit.webinar_id, []).append(commit)
    return rows


def _moment(commit: Commit) -> float:
    return commit.committed_s


def with_extents(
    faults: Sequence[ScheduledFault], receipts: Iterable[Receipt], sockets: Sockets
) -> tuple[Receipt, ...]:
    """The receipts with what could be measured; one that chance cannot explain gets a problem."""
    by_name = {fault.name: fault for fault in faults}
    return tuple(
        _with_extent(by_name[receipt.fault], faults, receipt, sockets) for receipt in receipts
    )


def _with_extent(
    fault: ScheduledFault, faults: Sequence[ScheduledFault], receipt: Receipt, sockets: Sockets
) -> Receipt:
    extent = _extent(fault, faults, receipt, sockets)
    if extent is None:
        return receipt
    problems = receipt.problems
    least, most = _chances(fault)
    if _tail(extent.of - extent.hit, extent.of, 1 - least) < _IMPOSSIBLE:
        problems += (_odd(extent, fault.share, "few", "적습니다"),)
    elif _tail(extent.hit, extent.of, most) < _IMPOSSIBLE:
        problems += (_odd(extent, fault.share, "many", "많습니다"),)
    return msgspec.structs.replace(receipt, extent=extent, problems=problems)


def _odd(extent: Extent, share: float, en: str, ko: str) -> Text:
    return Text(
        f"it hit {extent.hit} of {extent.of} open WebSockets, too {en} for a share of {share:.0%}",
        f"열린 WebSocket {extent.of}개 중 {extent.hit}개를 끊거나 막았는데,"
        f" 비율 {share:.0%}에 비해 너무 {ko}",
    )


def _extent(
    fault: ScheduledFault, faults: Sequence[ScheduledFault], receipt: Receipt, sockets: Sockets
) -> Extent | None:
    evidence = fault.evidence
    measurable = evidence.cuts_sockets or evidence.rows_late_by_s is not None
    if not measurable or fault.on == "api" or len(fault.stages) > 1 or _is_disturbed(fault, faults):
        return None
    if receipt.requested_s is None or receipt.first_effect_s is None:
        return None
    if receipt.applied_s is None or receipt.heal_requested_s is None:
        return None
    judge = _Judge(
        evidence,
        sockets,
        from_s=min(receipt.requested_s, receipt.first_effect_s),
        since_s=receipt.applied_s,
        until_s=receipt.heal_requested_s,
    )
    hits = [
        hit
        for number, user in sockets.records.users.items()
        if user.cohort in fault.cohorts and not user.is_cut_off(judge.from_s, judge.until_s)
        for socket in user.sockets
        if socket.opened_s < judge.from_s <= socket.closed_s
        and (hit := judge.hit(number, user, socket)) is not None
    ]
    return Extent(unit="sockets", hit=sum(hits), of=len(hits)) if hits else None


def _is_disturbed(fault: ScheduledFault, faults: Sequence[ScheduledFault]) -> bool:
    """Another one is on in its time that may do the same to the same users."""
    return any(
        other.name != fault.name
        and other.at_s < fault.end_s
        and fault.at_s < other.end_s
        and set(other.cohorts) & set(fault.cohorts)
        for other in faults
    )


@dataclass(frozen=True)
class _Judge:
    evidence: Evidence
    sockets: Sockets
    from_s: float
    """Sockets that were open just before are looked at."""
    since_s: float
    until_s: float

    def hit(self, number: int, user: User, socket: Socket) -> bool | None:
        """Whether the fault hit this one; ``None``: nobody can say."""
        late_by_s = self.evidence.rows_late_by_s
        if late_by_s is not None:
            return self._is_late(number, user, late_by_s)
        until_s = self.until_s - _MARGIN_S
        if self.evidence.cuts_sockets == "busy" and not self.sockets.rows(
            user, self.since_s, until_s
        ):
            return None
        return socket.closed_s <= self.until_s

    def _is_late(self, number: int, user: User, late_by_s: float) -> bool | None:
        """Most rows of its time came late or never, and before they did not."""
        usual = self.sockets.rows(user, self.from_s - _LOOK_BACK_S, self.from_s - late_by_s)
        rows = self.sockets.rows(user, self.since_s, self.until_s - max(late_by_s, _MARGIN_S))
        if len(rows) < _FEW or len(usual) < _FEW:
            return None
        if self._in_time(number, usual, late_by_s) < _USUALLY * len(usual):
            return None
        return self._in_time(number, rows, late_by_s) < len(rows) / 2

    def _in_time(self, number: int, rows: Sequence[Commit], late_by_s: float) -> int:
        never_s = float("inf")
        seen = self.sockets.seen
        return sum(
            seen.get((number, row.row_id), never_s) < row.committed_s + late_by_s for row in rows
        )


def _chances(fault: ScheduledFault) -> tuple[float, float]:
    """The chance of one open WebSocket to be hit, at least and at most: Toxiproxy draws for each
    direction apart, and one of the two may be enough to be seen."""
    share = fault.share
    either = 1 - (1 - share) ** 2 if fault.fault.means == "toxiproxy" else share
    return min(share, _NEARLY_ALL), either


def _tail(least: int, of: int, chance: float) -> float:
    """The chance of at least ``least`` hits among ``of``, each with ``chance`` (binomial)."""
    if least <= 0 or chance >= 1:
        return 1.0
    ways = [lgamma(of + 1) - lgamma(n + 1) - lgamma(of - n + 1) for n in range(least, of + 1)]
    return sum(
        exp(way + n * log(chance) + (of - n) * log1p(-chance))
        for n, way in enumerate(ways, start=least)
    )
