"""The channels of all connections: joined, live, ended. Pure: no socket, clock or SQL.

A channel is one topic on one connection. It is *joined* at the join's reply and *live* at
``system ok``, a little later; a row that is dispatched from that moment on reaches it, an
earlier one never does (H8).

Every method returns effects in the order in which they are to be done. Times are
host-monotonic seconds; what is due later is found by :attr:`Channels.next_due_s` and done by
:meth:`Channels.advance`.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from harness.commitlog import Subscription
from harness.server.auth.tokens import Claims, expired
from harness.server.realtime.audiences import Audience, Audiences
from harness.server.realtime.effects import Effect, Note, Peer, Send
from harness.server.realtime.joins import Binding, Join
from harness.server.storage.model import Change
from harness.server.switches import Switches
from harness.wire.phoenix import EMPTY, Frame, payload

SUBSCRIBED = "Subscribed to PostgreSQL"


@dataclass(frozen=True)
class Channel:
    """One topic on one connection, from the join's reply until it ends."""

    peer: Peer
    topic: str
    join_ref: str | None
    """Sent back verbatim; a client drops frames that carry another one."""
    number: int
    """Counts joins, so that what was due for an earlier join of the topic is recognized."""
    claims: Claims
    bindings: tuple[Binding, ...]
    problem: str | None
    audience: Audience | None = None
    """What it listens as; ``None`` until it is live."""

    @property
    def live(self) -> bool:
        """Whether rows flow."""
        return self.audience is not None


class _Due(NamedTuple):
    at_s: float
    order: int
    channel: int
    key: tuple[int, str]
    what: Literal["subscribed", "expired"]


class Channels:
    """All channels of a server process."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._channels: dict[tuple[int, str], Channel] = {}
        self._topics: dict[int, dict[str, None]] = {}
        self._audiences = Audiences()
        self._due: list[_Due] = []
        self._joins = 0
        self._dues = 0

    @property
    def next_due_s(self) -> float | None:
        """When :meth:`advance` has something to do; ``None`` if never."""
        return self._due[0].at_s if self._due else None

    def channel(self, peer: Peer, topic: str) -> Channel | None:
        """The channel of a topic on a connection, if it is joined."""
        return self._channels.get((peer.connection, topic))

    def join(
        self, peer: Peer, frame: Frame, join: Join, claims: Claims, now_s: float
    ) -> list[Effect]:
        """Join a topic. A channel that is already there ends; its close follows the reply."""
        replaced, close = self._replace_duplicate(peer, frame.topic, now_s)
        self._joins += 1
        channel = Channel(
            peer=peer,
            topic=frame.topic,
            join_ref=frame.join_ref,
            number=self._joins,
            claims=claims,
            bindings=join.bindings,
            problem=join.problem,
        )
        key = (peer.connection, frame.topic)
        self._channels[key] = channel
        self._topics.setdefault(peer.connection, {})[frame.topic] = None
        if join.echo:
            self._schedule(channel, now_s + self._switches.knobs.system_ok_delay_s, "subscribed")
        self._schedule(channel, claims.expires_s, "expired")
        answer = Send(peer, reply(frame, "ok", {"postgres_changes": join.echo}))
        return [*replaced, answer, *close, _note(channel, "joined", now_s)]

    def refuse(self, peer: Peer, frame: Frame, reason: str, now_s: float) -> list[Effect]:
        """Refuse a join. A channel of the topic that is already there ends all the same."""
        replaced, close = self._replace_duplicate(peer, frame.topic, now_s)
        return [*replaced, Send(peer, reply(frame, "error", {"reason": reason})), *close]

    def leave(self, peer: Peer, frame: Frame, now_s: float) -> list[Effect]:
        """Leave a topic; also one that is not joined is left with success.

        A leave that names an earlier join of the topic does not touch the present one.
        """
        answer = Send(peer, reply(frame, "ok", {}))
        channel = self.channel(peer, frame.topic)
        if channel is None or frame.join_ref not in (None, channel.join_ref):
            return [answer]
        self._remove(peer.connection, frame.topic)
        return [answer, _close(channel), _note(channel, "left", now_s)]

    def renew(self, peer: Peer, topic: str, claims: Claims, now_s: float) -> list[Effect]:
        """Take over a new valid token: no answer, but a new ``system ok`` after a while.

        Until then rows are still judged by the claims of the old one.
        """
        channel = self._channels[peer.connection, topic]
        channel = self._replace(channel, claims=claims)
        self._schedule(channel, claims.expires_s, "expired")
        if channel.bindings:
            self._schedule(channel, now_s + self._switches.knobs.resubscribe_delay_s, "subscribed")
        return []

    def end(self, channel: Channel, message: str, now_s: float) -> list[Effect]:
        """End a channel from the server's side: a ``system`` error, then ``phx_close``."""
        self._remove(channel.peer.connection, channel.topic)
        error = _system(channel, extension="system", status="error", message=message)
        return [error, _close(channel), _note(channel, "closed", now_s)]

    def drop(self, peer: Peer, now_s: float) -> list[Effect]:
        """Forget a connection whose socket is gone."""
        topics = tuple(self._topics.get(peer.connection, ()))
        removed = [self._remove(peer.connection, topic) for topic in topics]
        return [_note(channel, "lost", now_s) for channel in removed if channel is not None]

    def advance(self, now_s: float) -> list[Effect]:
        """Do what is due by now: channels become live, tokens expire."""
        effects: list[Effect] = []
        while self._due and self._due[0].at_s <= now_s:
            due = heapq.heappop(self._due)
            channel = self._channels.get(due.key)
            if channel is None or channel.number != due.channel:
                continue
            if due.what == "subscribed":
                effects += self._subscribed(channel, now_s)
            elif channel.claims.expires_s <= now_s:
                refusal = expired(now_s - channel.claims.expires_s)
                effects += self.end(channel, refusal.message, now_s)
        return effects

    def publish(self, change: Change, commit_timestamp: str) -> list[Effect]:
        """Send a committed change to all live channels that may see it and asked for it."""
        whole_old = self._switches.knobs.replica_identity_full
        return self._audiences.publish(change, commit_timestamp, whole_old=whole_old)

    def farewell(self) -> list[Effect]:
        """What every channel is told before the server closes its sockets with 1012."""
        message = "Server requested disconnect"
        return [
            _system(channel, extension="system", status="ok", message=message)
            for channel in self._channels.values()
        ]

    def _subscribed(self, channel: Channel, now_s: float) -> list[Effect]:
        if channel.problem is not None:
            failed = _system(
                channel, extension="postgres_changes", status="error", message=channel.problem
            )
            return [failed]
        ok = _system(channel, extension="postgres_changes", status="ok", message=SUBSCRIBED)
        was = channel.audience
        audience = Audience(
            channel.peer.vsn, channel.topic, channel.bindings, channel.claims.access
        )
        if audience != was:
            if was is not None:
                self._audiences.remove(was, channel.peer)
            self._audiences.add(audience, channel.peer)
            channel = self._replace(channel, audience=audience)
        return [ok] if was is not None else [ok, _note(channel, "live", now_s)]

    def _replace_duplicate(
        self, peer: Peer, topic: str, now_s: float
    ) -> tuple[list[Effect], list[Effect]]:
        """End the channel that a new join of its topic replaces: its log line, its close."""
        old = self._remove(peer.connection, topic)
        if old is None:
            return [], []
        return [_note(old, "closed", now_s)], [_close(old)]

    def _schedule(
        self, channel: Channel, at_s: float, what: Literal["subscribed", "expired"]
    ) -> None:
        self._dues += 1
        key = (channel.peer.connection, channel.topic)
        heapq.heappush(self._due, _Due(at_s, self._dues, channel.number, key, what))

    def _replace(self, channel: Channel, **changed: Any) -> Channel:
        new = replace(channel, **changed)
        self._channels[channel.peer.connection, channel.topic] = new
        return new

    def _remove(self, connection: int, topic: str) -> Channel | None:
        channel = self._channels.pop((connection, topic), None)
        if channel is None:
            return None
        topics = self._topics[connection]
        del topics[topic]
        if not topics:
            del self._topics[connection]
        if channel.audience is not None:
            self._audiences.remove(channel.audience, channel.peer)
        return channel


def reply(frame: Frame, status: Literal["ok", "error"], response: Any) -> Frame:
    """The ``phx_reply`` to a client's frame."""
    content = payload({"status": status, "response": response})
    return Frame(frame.join_ref, frame.ref, frame.topic, "phx_reply", content)


def _system(channel: Channel, *, extension: str, status: str, message: str) -> Send:
    content = payload(
        {
            "extension": extension,
            "status": status,
            "message": message,
            "channel": channel.topic.removeprefix("realtime:"),
        }
    )
    return Send(channel.peer, Frame(channel.join_ref, None, channel.topic, "system", content))


def _close(channel: Channel) -> Send:
    # Clients tell a stale close from a true one by its ref, which is the join's.
    frame = Frame(channel.join_ref, channel.join_ref, channel.topic, "phx_close", EMPTY)
    return Send(channel.peer, frame)


def _note(
    channel: Channel, what: Literal["joined", "live", "left", "closed", "lost"], now_s: float
) -> Note:
    room = channel.bindings[0].webinar_id if channel.bindings else None
    return Note(
        Subscription(
            t_s=now_s,
            user_id=channel.claims.user_id,
            webinar_id=room,
            topic=channel.topic,
            join_ref=channel.join_ref or "",
            what=what,
        )
    )
