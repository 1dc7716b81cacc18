"""Small lives to tell stories from: one user in room 7, the load from 100 s on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.records import Delivery, Fate, PageOpened, Path
from harness.runsettings import PlannedSend
from reports.story.life import Fault, Life, Row, Told
from reports.story.line import Line
from reports.story.telling import tell

USER, ROOM, ZERO_S, END_S = 3, 7, 100.0, 200.0
KEY = "3f2a9c1e-0000-4000-8000-000000000001"
OPENED = PageOpened(t_s=ZERO_S, user=USER, user_id="u-3", room=ROOM, cohort="chrome")


def planned(number: int = 0, body: str = "안녕하세요") -> PlannedSend:
    return PlannedSend(user=USER, number=number, room=ROOM, at_s=10.0, client_msg_id=KEY, body=body)


def row(row_id: int, committed_s: float, *, author: int | None = 8, key: str = "") -> Row:
    return Row(
        row_id=row_id,
        room=ROOM,
        author=author,
        client_msg_id=key or f"key-{row_id}",
        body=f"message {row_id}",
        committed_s=committed_s,
        changed_s=math.inf,
    )


def shown(t_s: float, row_id: int, path: Path = Path.REALTIME, fate: Fate = Fate.SHOWN) -> Delivery:
    return Delivery(t_s, USER, row_id, path, fate)


def life(
    *records: Told,
    rows: Sequence[Row] = (),
    faults: tuple[Fault, ...] = (),
    plan: Sequence[PlannedSend] = (),
) -> Life:
    return Life(
        user=USER,
        zero_s=ZERO_S,
        end_s=END_S,
        load_ends_s=None,
        late_after_s=5.0,
        records=records,
        plan={send.number: send for send in plan},
        rows={one.row_id: one for one in rows},
        faults=faults,
    )


def told(one: Life) -> list[str]:
    """The texts, without the run's own milestones."""
    return [line.text for line in lines(one)]


def lines(one: Life, focus_rows: frozenset[int] = frozenset()) -> list[Line]:
    return [line for line in tell(one, focus_rows=focus_rows) if line.kind != "run"]
