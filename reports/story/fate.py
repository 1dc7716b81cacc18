"""What became of one message: for its author, for one user, and for all others in the room.

The judgement is the ledger's (docs/metrics.md), on what was kept of the records, so that a
message which the report counts as lost is called lost here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from harness.commitlog import Commit
from harness.receipts import ReceiptBook
from harness.recorder import Record
from harness.records import Path
from harness.runsettings import PlannedSend, RunSettings
from reports.history import assemble
from reports.ledger import CLASSES, keep_ledger
from reports.messages import account
from reports.presence import observe
from reports.story.asking import Message
from reports.story.rows import BY
from reports.story.words import listed, many, moment, quoted, seconds, short

_MOST_NAMED = 4


@dataclass(frozen=True)
class Seen:
    """The message on one user's screen."""

    user: int
    shown_s: float
    """Host-monotonic; inf: never."""
    by: int
    """The :class:`~harness.records.Path`; 0: never."""
    copies: int
    kind: str
    """One of :data:`reports.ledger.CLASSES`."""


@dataclass(frozen=True)
class Outcome:
    """A message and every screen that should have shown it, or did. Times as in the record."""

    message: Message
    committed_s: float
    """inf: never."""
    sent_s: float
    """The first request; inf: none is known."""
    skipped: str
    """Why it was never sent; empty where it was."""
    outcome: str
    """How the sender's requests ended, see :mod:`reports.messages`."""
    seen: tuple[Seen, ...]

    def on(self, user: int) -> Seen | None:
        """On one user's screen; ``None``: it had no business there."""
        return next((one for one in self.seen if one.user == user), None)


def judge(
    settings: RunSettings,
    message: Message,
    commits: Sequence[Commit],
    records: Sequence[Record],
    last_s: float,
) -> Outcome:
    """Join what was kept; ``last_s`` is the last moment known, for a run that was cut."""
    if settings.ended_at_s is None and math.isfinite(last_s):
        settings = msgspec.structs.replace(settings, ended_at_s=last_s)
    key = message.client_msg_id or f"row {min(message.row_ids, default=0)}"
    mine = [
        msgspec.structs.replace(commit, client_msg_id=key)
        for commit in commits
        if commit.row_id in message.row_ids
    ]
    planned = message.planned or PlannedSend(
        user=-1 if message.author is None else message.author,
        # The plan does not know it: no send of the plan has this number.
        number=-1,
        room=message.room,
        at_s=0.0,
        client_msg_id=key,
        body=message.body,
    )
    history = assemble(
        settings,
        plan=[planned],
        commits=mine,
        subscriptions=(),
        book=ReceiptBook(receipts=(), probes=()),
        records=records,
    )
    messages = account(history)
    ledger = keep_ledger(history, messages, observe(history))
    users = history.users["user"].to_numpy(np.int64)
    table = messages.table.iloc[0]
    return Outcome(
        message=message,
        committed_s=_or_never(table["committed_s"]),
        sent_s=_or_never(table["started_s"]),
        skipped=str(table["skipped"]),
        outcome=str(table["outcome"]),
        seen=tuple(
            Seen(
                user=int(users[ledger.receiver[i]]),
                shown_s=float(ledger.shown_s[i]),
                by=int(ledger.shown_by[i]),
                copies=int(ledger.copies[i]),
                kind=CLASSES[ledger.kind[i]],
            )
            for i in range(len(ledger.receiver))
        ),
    )


def _or_never(value: float) -> float:
    return math.inf if math.isnan(value) else float(value)


def life_of(fate: Outcome, user: int) -> tuple[float, float] | None:
    """From the first to the last moment of the message's life that concerns a user."""
    seen = fate.on(user)
    moments = [fate.sent_s, fate.committed_s, seen.shown_s if seen else math.inf]
    known = [t_s for t_s in moments if math.isfinite(t_s)]
    return (min(known), max(known)) if known else None


def tell_fate(fate: Outcome, user: int, zero_s: float, late_after_s: float) -> tuple[str, ...]:
    """Sentences: sent, committed, on the user's screen, on all others'."""
    author = fate.message.author
    lines = [_sent(fate, zero_s), _committed(fate, zero_s)]
    if author is not None and author != user:
        lines.append(_screen(fate, author, zero_s, "the author, "))
    lines.append(_screen(fate, user, zero_s, "the author, " if author == user else ""))
    lines.append(_others(fate, {user, author}, late_after_s))
    return tuple(line for line in lines if line)


def headline(message: Message) -> str:
    """``Message 3f2a9c1e, row 57, "hello" of user 3 in room 1``."""
    name = f"Message {short(message.client_msg_id)}" if message.client_msg_id else "Message"
    rows = sorted(message.row_ids)
    row = f", {'row' if len(rows) == 1 else 'rows'} {', '.join(map(str, rows))}" if rows else ""
    who = "somebody else" if message.author is None else f"user {message.author}"
    return f"{name}{row}, {quoted(message.body)} of {who} in room {message.room}"


def _sent(fate: Outcome, zero_s: float) -> str:
    if math.isfinite(fate.sent_s):
        how = {"ok": "answered", "unanswered": "never answered", "timeout": "timed out"}
        end = how.get(fate.outcome, fate.outcome.replace("_", " "))
        return f"sent at {moment(fate.sent_s - zero_s)}, {end}"
    if fate.message.planned is None:
        return "" if fate.message.author is None else "sent outside of the plan"
    planned = f"planned for {moment(fate.message.planned.at_s)}"
    return f"{planned}, never sent" + (
        f": {fate.skipped.replace('_', ' ')}" if fate.skipped else ""
    )


def _committed(fate: Outcome, zero_s: float) -> str:
    if not math.isfinite(fate.committed_s):
        return "never committed"
    took = fate.committed_s - fate.sent_s
    after = f", {seconds(took)} after the send" if math.isfinite(took) else ""
    again = f"; {many(len(fate.message.rows), 'row')} of it" if len(fate.message.rows) > 1 else ""
    changed_s = min((row.changed_s for row in fate.message.rows), default=math.inf)
    gone = ""
    if math.isfinite(changed_s):
        gone = f"; changed or deleted at {moment(changed_s - zero_s)}"
    return f"committed at {moment(fate.committed_s - zero_s)}{after}{again}{gone}"


def _screen(fate: Outcome, user: int, zero_s: float, which: str) -> str:
    who = f"{which}user {user}"
    seen = fate.on(user)
    if seen is None:
        if not math.isfinite(fate.committed_s):
            return ""
        return f"{who}: was not to see it (another room, or no page open at the commit)"
    if not math.isfinite(seen.shown_s):
        return f"{who}: never saw it{_why_never(seen)}"
    took = seen.shown_s - fate.committed_s
    after = f", {seconds(took)} after the commit" if took >= 0 else ""
    late = ", late" if seen.kind == "late" else ""
    twice = f"; {seen.copies} copies on the screen" if seen.copies > 1 else ""
    return f"{who}: saw it at {moment(seen.shown_s - zero_s)}{_by(seen)}{after}{late}{twice}"


def _by(seen: Seen) -> str:
    return f" {BY.get(Path(seen.by), '')}" if seen.by in set(Path) else ""


def _why_never(seen: Seen) -> str:
    return {
        "lost": ": lost",
        "withdrawn": ": it was changed or deleted before it could be shown",
        "unjudged": " (not counted as lost: gone, hidden or offline at the end)",
    }.get(seen.kind, "")


def _others(fate: Outcome, told: set[int | None], late_after_s: float) -> str:
    others = [seen for seen in fate.seen if seen.user not in told]
    if not others:
        return ""
    shown = [seen for seen in others if math.isfinite(seen.shown_s)]
    late = [s for s in shown if s.shown_s - fate.committed_s > late_after_s]
    never = [seen for seen in others if not math.isfinite(seen.shown_s)]
    late.sort(key=lambda seen: seen.shown_s, reverse=True)
    never.sort(key=lambda seen: seen.kind != "lost")
    in_time = len(shown) - len(late)
    text = f"others in the room: {in_time:,} of {len(others):,} saw it within {late_after_s:g} s"
    if late:
        names = [f"user {s.user} ({seconds(s.shown_s - fate.committed_s)},{_by(s)})" for s in late]
        text += f"; late: {listed(names, _MOST_NAMED)}"
    twice = [f"user {seen.user}" for seen in others if seen.copies > 1]
    if twice:
        text += f"; more than once on the screen: {listed(twice, _MOST_NAMED)}"
    if never:
        why = {"lost": "lost", "withdrawn": "withdrawn", "unjudged": "away at the end"}
        names = [f"user {s.user} ({why.get(s.kind, s.kind)})" for s in never]
        text += f"; never: {listed(names, _MOST_NAMED)}"
    return text
