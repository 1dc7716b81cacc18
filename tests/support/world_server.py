"""The reference server's pure parts with a small table behind them, in virtual time."""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import msgspec

from harness.commitlog import Commit
from harness.server.auth.tokens import Claims, Tokens
from harness.server.knobs import Knobs
from harness.server.realtime.core import make_core
from harness.server.realtime.effects import Effect, Peer, Publish, Send
from harness.server.storage.model import Change, Op
from harness.server.switches import Switches
from harness.server.walltime import WallTime
from harness.tokens import mint_anon
from harness.wire.api import CreateAnswer, CreateRequest, ListAnswer
from harness.wire.changes import MessageRow
from harness.wire.phoenix import Frame, Vsn

ROOM = 42
TOPIC = f"realtime:webinar-{ROOM}"
SECRET = "a secret for tests, long enough for HS256"
UNIX_START_S = 1_795_000_000

Outbox = Callable[[int, Frame], None]
"""Takes each frame that the server sends, with its connection."""


@dataclass
class Store:
    """The messages table: S5's unique key, and ids that may be taken long before the commit."""

    rows: list[MessageRow] = field(default_factory=list)
    """Committed, by id."""
    _last_id: int = 0
    _by_key: dict[tuple[str, str], MessageRow] = field(default_factory=dict)

    def take_id(self) -> int:
        """The next id; its row may be committed later, or never."""
        self._last_id += 1
        return self._last_id

    def create(
        self, user_id: str, client_msg_id: str, body: str, row_id: int | None = None
    ) -> tuple[MessageRow, bool]:
        """The committed row, and whether it is new."""
        key = (user_id, client_msg_id)
        if key in self._by_key:
            return self._by_key[key], False
        row_id = self.take_id() if row_id is None else row_id
        row = MessageRow(row_id, ROOM, user_id, client_msg_id, body, "2026-11-23")
        insort(self.rows, row, key=lambda one: one.id)
        self._by_key[key] = row
        return row, True

    def take(self, row_id: int) -> MessageRow:
        """Take a row out of the table."""
        (row,) = [one for one in self.rows if one.id == row_id]
        self.rows.remove(row)
        return row

    def read(self, after: int | None, limit: int) -> list[MessageRow]:
        """F4: the rows after an id, or the last ones."""
        if after is None:
            return self.rows[-limit:]
        return self.rows[bisect_right(self.rows, after, key=lambda one: one.id) :][:limit]


class Server:
    """Realtime and API of one room. Every time is the caller's."""

    def __init__(self, outbox: Outbox) -> None:
        self.store = Store()
        self._outbox = outbox
        switches = Switches(Knobs(system_ok_delay_s=0.5))
        tokens = Tokens(SECRET, WallTime(UNIX_START_S))
        core = make_core(tokens, switches)
        self._channels, self._protocol = core.channels, core.protocol
        anonymous = tokens.verify(mint_anon(SECRET, issued_at_unix_s=UNIX_START_S), 0.0)
        assert isinstance(anonymous, Claims)
        self._anonymous = anonymous
        self._connections = itertools.count(1)
        self._seqs = itertools.count(1)

    @property
    def next_due_s(self) -> float:
        """When :meth:`advance` has something to do; infinity if never."""
        due_s = self._channels.next_due_s
        return float("inf") if due_s is None else due_s

    def advance(self, now_s: float) -> None:
        self._perform(self._channels.advance(now_s))

    # -- Realtime -------------------------------------------------------------------------

    def accept(self, vsn: Vsn) -> Peer:
        """A new connection."""
        return Peer(next(self._connections), vsn)

    def lose(self, peer: Peer, now_s: float) -> None:
        self._perform(self._channels.drop(peer, now_s))

    def receive(self, peer: Peer, text: str, now_s: float) -> None:
        """A frame of a page, which must be one that the server understands."""
        reaction = self._protocol.receive(peer, self._anonymous, text, now_s)
        assert not reaction.dropped, f"the server did not understand a page: {reaction.dropped}"
        assert not reaction.stall_s, "a join with a valid token was refused"
        self._perform(reaction.effects)

    def end_channel(self, peer: Peer, now_s: float) -> None:
        """End the room's channel for good, as at a token's end (H9)."""
        channel = self._channels.channel(peer, TOPIC)
        if channel:
            self._perform(self._channels.end(channel, "Token has expired", now_s))

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(peer, frame):
                    self._outbox(peer.connection, frame)
                case Publish(_, frame, connections):
                    for connection in connections:
                        self._outbox(connection, frame)

    # -- the API --------------------------------------------------------------------------

    def create(self, user_id: str, body: bytes, now_s: float) -> bytes:
        """``POST /api/messages/create``."""
        asked = msgspec.json.decode(body, type=CreateRequest)
        row = self.commit(user_id, asked.client_msg_id, asked.body, now_s)
        return msgspec.json.encode(CreateAnswer(True, row))

    def read(self, path: str) -> tuple[bytes, range]:
        """``GET /api/messages``; also the ids of the rows that a read without ``after`` leaves
        out."""
        query = parse_qs(urlsplit(path).query)
        after = int(query["after"][0]) if "after" in query else None
        rows = self.store.read(after, int(query["limit"][0]))
        oldest = rows[0].id if rows and after is None and len(rows) < len(self.store.rows) else 1
        return msgspec.json.encode(ListAnswer(True, rows)), range(1, oldest)

    def commit(
        self,
        user_id: str,
        client_msg_id: str,
        body: str,
        now_s: float,
        *,
        row_id: int | None = None,
    ) -> MessageRow:
        """Commit a message and send it to those who listen; a repeated one is read (S5)."""
        row, is_new = self.store.create(user_id, client_msg_id, body, row_id)
        if is_new:
            self._publish("INSERT", row, None, now_s)
        return row

    def hide(self, row_id: int, now_s: float) -> None:
        """Commit an UPDATE."""
        old = self.store.take(row_id)
        new = msgspec.structs.replace(old, hidden=True)
        insort(self.store.rows, new, key=lambda one: one.id)
        self._publish("UPDATE", new, old, now_s)

    def delete(self, row_id: int, now_s: float) -> None:
        """Commit a DELETE."""
        self._publish("DELETE", None, self.store.take(row_id), now_s)

    def _publish(
        self, op: Op, row: MessageRow | None, old: MessageRow | None, now_s: float
    ) -> None:
        known = row or old
        assert known is not None
        commit = Commit(
            seq=next(self._seqs),
            op=op,
            row_id=known.id,
            webinar_id=ROOM,
            user_id=known.user_id,
            client_msg_id=known.client_msg_id,
            body=known.body,
            committed_s=now_s,
        )
        change = Change(commit, row, old)
        self._perform(self._channels.publish(change, "2026-11-23T10:00:00.000Z"))
