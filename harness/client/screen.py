"""How rows reach the screen, and what is recorded of it: the last step of a message's way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from harness.client.composer import Composer
from harness.client.effects import Effects
from harness.client.message_list import MessageList
from harness.records import Fate, LineChange, LineChanged, Path
from harness.runsettings import ModerationKind
from harness.wire.changes import ChangeData, MessageRow

_SPINNER_BY: dict[Path, Literal["realtime", "poll"]] = {
    Path.REALTIME: "realtime",
    Path.POLL: "poll",
    Path.HISTORY: "poll",
}


class Screen:
    """The message list of one user's page, fed from every side."""

    __slots__ = ("_composer", "_effects", "_list", "_user_id")

    def __init__(
        self, user_id: str, message_list: MessageList, composer: Composer, effects: Effects
    ) -> None:
        self._user_id = user_id
        self._list = message_list
        self._composer = composer
        self._effects = effects

    def row_arrived(self, row: MessageRow, path: Path, now_s: float) -> Fate:
        """A message came: shown, in the place of its bubble, or not again (R4)."""
        bubble = None
        if row.user_id == self._user_id:
            bubble = self._list.bubble_of(row, now_s)
            if bubble is not None and path is not Path.API:
                self._composer.spinner_off(bubble, _SPINNER_BY[path], now_s)  # S4
        fate = self._list.arrive(row, bubble, in_front=path is Path.HISTORY)
        self._effects.sink.delivery(now_s, self._effects.user, row, path, fate)
        return fate

    def row_changed(self, change: ChangeData, now_s: float) -> None:
        """R5: an UPDATE or a DELETE over Realtime."""
        if change.type == "UPDATE" and change.record is not None:
            self._update(change.record, Path.REALTIME, now_s)
        elif change.type == "DELETE" and change.old_record is not None:
            row_id = change.old_record.get("id")
            if isinstance(row_id, int):
                self._remove(row_id, Path.REALTIME, now_s)

    def moderated(self, act: ModerationKind, row: MessageRow, now_s: float) -> None:
        """One's own change is on the screen with its answer, like one's own message (S2)."""
        if act == "delete_message":
            self._remove(row.id, Path.API, now_s)
        else:
            self._update(row, Path.API, now_s)

    def reread(
        self, rows: Sequence[MessageRow], *, whole: bool, up_to_id: int, now_s: float
    ) -> None:
        """H2: a poll read again what was on the screen already."""
        for row_id, change in self._list.reread(rows, whole=whole, up_to_id=up_to_id):
            self._line_changed(row_id, change, Path.POLL, now_s)

    def _update(self, row: MessageRow, path: Path, now_s: float) -> None:
        became = self._list.update(row)
        if became is not None:
            self._line_changed(row.id, became, path, now_s)

    def _remove(self, row_id: int, path: Path, now_s: float) -> None:
        if self._list.remove(row_id):
            self._line_changed(row_id, "deleted", path, now_s)

    def _line_changed(self, row_id: int, change: LineChange, path: Path, now_s: float) -> None:
        user = self._effects.user
        self._effects.sink.event(
            LineChanged(t_s=now_s, user=user, row_id=row_id, change=change, path=path)
        )
