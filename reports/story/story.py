"""A story from a run directory: finds who is meant, reads what concerns them, tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from harness.errors import UsageError
from harness.records import PageOpened
from harness.rundir import RunDir
from reports.story.asking import Message, find_message, find_user
from reports.story.fate import headline, judge, life_of, tell_fate
from reports.story.life import Life, Told, faults_on, rows_of
from reports.story.line import Line
from reports.story.reading import PRESENCE, Kept, Papers, Wanted, read_kept, read_pages, read_papers
from reports.story.summary import summary
from reports.story.telling import tell
from reports.story.words import tamed


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A fault on the user's path, in seconds after the load begins."""

    fault: str
    begin_s: float
    end_s: float


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that ``chatquake story`` prints."""

    user: int
    headline: str
    """Who it is about."""
    summary: str
    """Their life in a sentence."""
    message: tuple[str, ...] = ()
    """What became of the message asked for; its first line names it."""
    faults: tuple[Span, ...] = ()
    """Those whose effect was seen."""
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()
    """What is missing from the record."""


@dataclass(frozen=True)
class Asked:
    """What the user of the command typed."""

    user: str | None
    around: str | None
    seconds: float


def read_story(run_dir: RunDir, asked: Asked) -> Story:
    """Raises :class:`UsageError` for what the run does not have and
    :class:`harness.errors.RecordError` where settings or plan cannot be read."""
    if asked.user is None and asked.around is None:
        raise UsageError("give --user ID, --around MESSAGE, or both")
    papers = read_papers(run_dir)
    pages = read_pages(run_dir)
    numbers = {page.user_id: page.user for page in pages}
    message = None
    if asked.around is not None:
        message = find_message(asked.around, papers.plan, papers.commits, numbers)
    user = _whose(asked, message, papers, numbers)
    kept, notes = read_kept(run_dir, _wanted(user, message))
    last_s = max((one.last_s for one in kept), default=0.0)
    told = sorted((r for one in kept for r in one.told(user)), key=lambda record: record.t_s)
    life = make_life(user, papers, pages, told, last_s)
    about: tuple[str, ...] = ()
    if message is None:
        lines = tell(life)
    else:
        about, lines = _around(message, life, papers, kept, asked.seconds)
    return Story(
        user=user,
        headline=_headline(user, papers, [page for page in pages if page.user == user]),
        summary=summary(life),
        message=about,
        faults=tuple(
            Span(fault=f.name, begin_s=f.begin_s - life.zero_s, end_s=f.end_s - life.zero_s)
            for f in life.faults
            if f.seen
        ),
        lines=lines,
        notes=(*papers.notes, *notes, *_cut(papers)),
    )


def _around(
    message: Message, life: Life, papers: Papers, kept: Sequence[Kept], margin_s: float
) -> tuple[tuple[str, ...], tuple[Line, ...]]:
    """What became of the message, and the lines of the user's story about that time."""
    records = [one.as_record() for one in kept]
    last_s = max((one.last_s for one in kept), default=0.0)
    outcome = judge(papers.settings, message, papers.commits, records, last_s)
    about = tell_fate(outcome, life.user, life.zero_s, life.late_after_s)
    span = life_of(outcome, life.user)
    if span is None:
        # Never sent and never committed: the moment at which it should have been.
        planned_s = message.planned.at_s if message.planned is not None else 0.0
        span = life.zero_s + planned_s, life.zero_s + planned_s
    lines = tell(
        life,
        focus_rows=message.row_ids,
        focus_id=message.client_msg_id,
        between_s=(span[0] - life.zero_s - margin_s, span[1] - life.zero_s + margin_s),
    )
    return (headline(message), *about), lines


def _whose(asked: Asked, message: Message | None, papers: Papers, numbers: dict[str, int]) -> int:
    if asked.user is not None:
        return find_user(asked.user, papers.settings.users, numbers)
    assert message is not None
    if message.author is None:
        raise UsageError(
            f"--around {tamed(asked.around or '')}: nobody of this run wrote this message; "
            "say with --user who should have seen it"
        )
    return message.author


def _wanted(user: int, message: Message | None) -> Wanted:
    if message is None:
        return Wanted(users=frozenset({user}))
    # Whether somebody should have seen the message is judged by their presence.
    users = {user} if message.author is None else {user, message.author}
    return Wanted(users=frozenset(users), kinds=PRESENCE, row_ids=message.row_ids)


def make_life(
    user: int,
    papers: Papers,
    pages: Sequence[PageOpened],
    records: Sequence[Told],
    last_s: float,
) -> Life:
    """What is known of a user. ``last_s``: the last moment recorded of anybody."""
    settings = papers.settings
    zero_s = settings.load_begins_at_s
    if zero_s is None:
        started_s = settings.started_at_s
        zero_s = started_s if started_s is not None else min((p.t_s for p in pages), default=0.0)
    end_s = settings.ended_at_s if settings.ended_at_s is not None else last_s
    mine = [page for page in pages if page.user == user]
    numbers = {page.user_id: page.user for page in pages}
    return Life(
        user=user,
        zero_s=zero_s,
        end_s=max(end_s, zero_s),
        load_ends_s=settings.load_ends_at_s,
        late_after_s=settings.late_after_s,
        records=tuple(records),
        plan={send.number: send for send in papers.plan if send.user == user},
        rows=rows_of(papers.commits, frozenset(page.room for page in mine), numbers),
        faults=faults_on(
            frozenset(page.cohort for page in mine), papers.receipts, settings.faults, end_s
        ),
    )


def _headline(user: int, papers: Papers, pages: Sequence[PageOpened]) -> str:
    settings = papers.settings
    run = f"of {settings.scenario} (seed {settings.seed})"
    if not pages:
        return f"User {user} {run} never opened the page"
    cohort = pages[-1].cohort
    policy = next((c.policy for c in settings.cohorts if c.name == cohort), "")
    rooms = ", ".join(str(room) for room in dict.fromkeys(page.room for page in pages))
    said = [f"cohort {cohort}", f"room {rooms}", *([f"policy {policy}"] if policy else [])]
    return f"User {user} {run}: {', '.join(said)}"


def _cut(papers: Papers) -> tuple[str, ...]:
    settings = papers.settings
    notes = []
    if settings.interrupted:
        notes.append(f"the run ended before its time: {tamed(settings.interrupted, 200)}")
    if settings.load_begins_at_s is None:
        notes.append("the load never began; times count from the first user's start")
    return tuple(notes)
