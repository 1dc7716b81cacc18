"""Whether a join is let in, and with which words it is refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from harness.server.auth.tokens import Claims, Refusal, Tokens, expired
from harness.server.realtime.answers import PREFIX, name_of
from harness.server.realtime.channels.channel_config import ChannelConfig
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.distrust import distrusted
from harness.server.realtime.effects import Peer
from harness.server.realtime.quotas import Quotas
from harness.server.realtime.topics.policies import may_use
from harness.server.switches import Switches

NO_NAME = "TopicNameRequired: You must provide a topic name"
MAX_TOPIC_CHARS = 1000
"""Every topic is kept as long as it is joined; the genuine server sets no limit of its own."""
TOPIC_TOO_LONG = f"TopicNameTooLong: A topic name has at most {MAX_TOPIC_CHARS} characters"
MAX_KEY_CHARS = 1000
KEY_TOO_LONG = f"PresenceKeyTooLong: A presence key has at most {MAX_KEY_CHARS} characters"
MAX_REF_CHARS = 255
"""Of ``ref`` and ``join_ref``, which a channel keeps and every log line of it repeats; as many as
a binary frame can hold."""
NO_OBJECT = "UnknownErrorOnChannel: expected params to be a :map"
TOO_MANY_JOINS = "ClientJoinRateLimitReached: Too many joins per second"
"""The only refusal after which the whole socket is closed."""


@dataclass(frozen=True)
class JoinRules:
    """The rules of joins, and of the tokens that come later."""

    channels: Channels
    tokens: Tokens
    switches: Switches
    quotas: Quotas

    def limit(self, peer: Peer, topic: str, now_s: float, *, private: bool) -> str:
        """Why a join is refused whatever its token says; empty if it is not. Counts the join."""
        knobs = self.switches.knobs
        if knobs.join_refusal:
            return knobs.join_refusal
        if knobs.private_only and not private:
            return "PrivateOnly: This project only allows private channels"
        if not self.quotas.has_room(peer.connection):
            return "ConnectionRateLimitReached: Too many connected users"
        if self.quotas.too_many_joins(now_s):
            return TOO_MANY_JOINS
        self.quotas.joins.add(1, now_s)
        if self.channels.count_beside(peer, topic) >= knobs.max_channels:
            return "ChannelRateLimitReached: Too many channels"
        return ""

    def claims(
        self, token: str, topic: str, now_s: float, *, private: bool
    ) -> Claims | JoinRefusal:
        """What a token opens on a topic."""
        claims = self.tokens.verify(token, now_s)
        if isinstance(claims, Refusal):
            return _refused(claims)
        if distrusted(claims, self.switches):
            return _refused(expired(0))
        name = name_of(topic)
        if private and not may_use(claims.access, name):
            message = f"You do not have permissions to read from this Channel topic: {name}"
            return JoinRefusal(reason=f"Unauthorized: {message}", message=message)
        return claims


@dataclass(frozen=True)
class JoinRefusal:
    """Why a token does not open a topic."""

    reason: str
    """As the refused join says it."""
    message: str
    """As the ``system`` error of a channel says it that was joined before."""


def unserved(topic: str) -> bool:
    """Whether no channel can be behind a topic."""
    return not topic.startswith(PREFIX)


def unfitting(topic: str, config: ChannelConfig) -> str:
    """Why there can be no such channel, whatever else holds; empty if there can."""
    if topic == PREFIX:
        return NO_NAME
    if len(topic) > MAX_TOPIC_CHARS:
        return TOPIC_TOO_LONG
    return KEY_TOO_LONG if len(config.presence_key) > MAX_KEY_CHARS else ""


def _refused(refusal: Refusal) -> JoinRefusal:
    return JoinRefusal(reason=refusal.join_reason, message=refusal.message)
