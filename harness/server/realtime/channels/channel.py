"""One channel as the server knows it, and what is sent to it or noted about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.commitlog import Subscription
from harness.server.access import Access
from harness.server.auth.tokens import Claims
from harness.server.realtime import answers
from harness.server.realtime.changes.audiences import Audience
from harness.server.realtime.changes.bindings import Binding
from harness.server.realtime.channels.channel_config import ChannelConfig
from harness.server.realtime.channels.presence_calls import Window
from harness.server.realtime.effects import Note, Peer, Send
from harness.server.realtime.topics.topics import TopicName


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic on one connection, from the join's reply until it ends."""

    peer: Peer
    topic: str
    join_ref: str | None
    """Sent back verbatim; a client drops frames that carry another one."""
    number: int
    """Counts joins, so that what was due for an earlier join of the topic is recognized."""
    claims: Claims
    judged_by: Access
    """By whose rights rows are judged: the token's that the present subscription was made with."""
    config: ChannelConfig
    presence_key: str
    bindings: tuple[Binding, ...]
    problem: str | None
    live_s: float = 0.0
    """When it is to become live, as was planned at the join."""
    audience: Audience | None = None
    """What it listens as; ``None`` until it is live."""
    presence_calls: Window | None = None
    """How often it sent presence messages of late."""

    @property
    def live(self) -> bool:
        """Whether rows flow."""
        return self.audience is not None

    @property
    def name(self) -> TopicName:
        """The topic that it shares with others."""
        return TopicName(self.topic, self.config.private)

    @property
    def key(self) -> tuple[int, str]:
        """By what the server finds it."""
        return (self.peer.connection, self.topic)


def told(channel: Channel, *, extension: str, status: answers.Status, message: str) -> Send:
    """A ``system`` message to a channel."""
    frame = answers.system(
        channel.topic, channel.join_ref, extension=extension, status=status, message=message
    )
    return Send(channel.peer, frame)


def closing(channel: Channel) -> Send:
    """``phx_close`` to a channel."""
    return Send(channel.peer, answers.close(channel.topic, channel.join_ref))


def noted(
    channel: Channel, what: Literal["joined", "live", "left", "closed", "lost"], now_s: float
) -> Note:
    """A line in the log of subscriptions."""
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
