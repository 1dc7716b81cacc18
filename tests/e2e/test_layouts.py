"""Scenario, seed and a user's index decide what the user does, whichever process the user lives in
and whatever the network makes of it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar, get_args

import msgspec
import pytest

from harness.commitlog import Commit, Subscription
from harness.records import (
    Event,
    PageOpened,
    PersonActed,
    SendSkipped,
    SendStarted,
    SkipReason,
    SocketClosed,
)
from harness.runsettings import ActKind, MoveKind, PlannedAct, PlannedSend, RunSettings
from harness.tokens import user_uuid
from scenarios.workload import client_msg_id
from tests.e2e.conftest import LOCUSTFILE, NATIVE
from tests.support.rundata import plan, records
from tests.support.runs import CHATQUAKE, Finished, RunningRun

pytestmark = pytest.mark.e2e

Line = TypeVar("Line")
Kind = TypeVar("Kind", bound=Event)

PEOPLE = Path(__file__).parent / "people.toml"
LAYOUTS = ("one-process", "two-processes", "master-and-workers")
WORKERS = LAYOUTS[2]
"""The one whose network is bad."""
SEED, USERS = 57, 16
BAD_NETWORK = """
[[faults]]
name = "slow"
kind = "latency"
on = "api"
at_s = 0.5
for_s = 5
latency_ms = 1500

[[faults]]
name = "gone"
kind = "refused"
on = "both"
at_s = 7
for_s = 5
"""
KEPT_AWAY: frozenset[SkipReason] = frozenset(("page_not_open", "tab_hidden", "asleep"))
"""By where the person is; S6 looks at when the last click really was, which a stalled machine
moves."""


@dataclass(frozen=True)
class Lived:
    """What a run has of one user that scenario and seed alone decide; times in seconds after the
    load began, to the microsecond."""

    pages: frozenset[tuple[str, int, str]]
    """The token's subject, room and cohort of each page."""
    sends: dict[int, float]
    """The planned moment of each send, by its number: made, or skipped with a reason."""
    kept_away: dict[int, SkipReason]
    acts: tuple[tuple[int, ActKind, float], ...]


@dataclass(frozen=True)
class Run:
    """A run directory, as far as these tests read it."""

    settings: RunSettings
    plan: tuple[PlannedSend, ...]
    acts: tuple[PlannedAct, ...]
    commits: tuple[Commit, ...]
    subscribed: frozenset[str]
    """The subjects of the tokens with which channels were joined."""
    starts: tuple[SendStarted, ...]
    lived: dict[int, Lived]
    by_process: tuple[frozenset[int], ...]
    """The users whose pages each process opened."""
    failed_attempts: int
    """Sockets of pages at a desk that never opened."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The same people in three layouts, in one of them over a bad network; all at the same time."""
    folder = tmp_path_factory.mktemp("layouts")
    bad = folder / "bad-network.toml"
    bad.write_text(PEOPLE.read_text("utf-8") + BAD_NETWORK, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    locust = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--worker"]
    commands = {
        LAYOUTS[0]: [*CHATQUAKE, "run", str(PEOPLE)],
        LAYOUTS[1]: [*CHATQUAKE, "run", str(PEOPLE), "--processes", "2"],
        WORKERS: [*NATIVE, *master, "--expect-workers", "2", "--scenario", str(bad)],
    }
    worker = [*locust, "--master-host", "127.0.0.1", "--master-port", port]
    running = {
        name: RunningRun([*command, "--out", str(folder / name)], folder / name)
        for name, command in commands.items()
    }
    workers = [RunningRun(worker, folder / f"worker-{number}") for number in (1, 2)]
    try:
        ends = {name: run.wait(180) for name, run in running.items()}
        for each in workers:
            each.wait(30)
        return {name: read(end) for name, end in ends.items()}
    finally:
        for each in (*running.values(), *workers):
            each.clean_up()


def read(end: Finished) -> Run:
    out = end.out
    assert (out / "settings.json").exists(), end.output
    settings = msgspec.json.decode((out / "settings.json").read_bytes(), type=RunSettings)
    assert (settings.interrupted, settings.broken) == ("", ()), end.output
    begin_s = settings.load_begins_at_s
    assert begin_s is not None
    found = records(out)
    assert all(record.complete for record in found)
    happened = [[event for _, event in record.events] for record in found]
    everything = list(chain.from_iterable(happened))
    desk = {e.user for e in of(PageOpened, everything) if e.cohort == "desk"}
    failed = [e for e in of(SocketClosed, everything) if not e.was_open and e.user in desk]
    return Run(
        settings=settings,
        plan=tuple(plan(out)),
        acts=lines(out / "acts.jsonl", PlannedAct),
        commits=lines(out / "commits.jsonl", Commit),
        subscribed=frozenset(s.user_id for s in lines(out / "subscriptions.jsonl", Subscription)),
        starts=tuple(of(SendStarted, everything)),
        lived={user: lived(everything, user, begin_s) for user in range(USERS)},
        by_process=tuple(frozenset(e.user for e in of(PageOpened, some)) for some in happened),
        failed_attempts=len(failed),
    )


def lines(path: Path, kind: type[Line]) -> tuple[Line, ...]:
    return tuple(msgspec.json.Decoder(kind).decode_lines(path.read_bytes()))


def of(kind: type[Kind], happened: Iterable[Event]) -> list[Kind]:
    return [event for event in happened if isinstance(event, kind)]


def lived(happened: Sequence[Event], user: int, begin_s: float) -> Lived:
    opened = [e for e in of(PageOpened, happened) if e.user == user]
    started = [e for e in of(SendStarted, happened) if e.user == user and e.attempt == 1]
    skipped = [e for e in of(SendSkipped, happened) if e.user == user]
    planned = [(e.number, e.planned_s) for e in started]
    planned += [(e.number, e.planned_s) for e in skipped]
    acted = [e for e in of(PersonActed, happened) if e.user == user]
    return Lived(
        pages=frozenset((e.user_id, e.room, e.cohort) for e in opened),
        sends={number: round(planned_s - begin_s, 6) for number, planned_s in planned},
        kept_away={e.number: e.reason for e in skipped if e.reason in KEPT_AWAY},
        acts=tuple((e.number, e.act, round(e.planned_s - begin_s, 6)) for e in acted),
    )


def test_the_layouts_and_the_networks_really_differ(runs: dict[str, Run]) -> None:
    assert [len(runs[name].by_process) for name in LAYOUTS] == [1, 2, 2]
    for run in runs.values():
        assert all(run.by_process)
        assert frozenset.union(*run.by_process) == frozenset(range(USERS))
        assert sum(map(len, run.by_process)) == USERS
    assert [runs[name].failed_attempts > 0 for name in LAYOUTS] == [False, False, True]


@pytest.mark.parametrize("name", LAYOUTS[1:])
def test_the_plan_is_the_same(runs: dict[str, Run], name: str) -> None:
    def without_run(one: PlannedSend) -> PlannedSend:
        return msgspec.structs.replace(one, client_msg_id="")

    one, other = runs[LAYOUTS[0]], runs[name]
    assert list(map(without_run, one.plan)) == list(map(without_run, other.plan))
    assert one.acts == other.acts
    assert {act.act for act in one.acts} >= {*get_args(MoveKind), "delete_message"}
    assert any(send.second_click for send in one.plan)
    assert any(not send.body.isascii() for send in one.plan)


@pytest.mark.parametrize("user", range(USERS))
def test_every_user_lives_the_same_life(runs: dict[str, Run], user: int) -> None:
    one, *others = (runs[name].lived[user] for name in LAYOUTS)
    for other in others:
        assert other == one


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_user_does_what_the_plan_says_and_nothing_else(
    runs: dict[str, Run], name: str
) -> None:
    run = runs[name]
    for user, life in run.lived.items():
        planned = {s.number: round(s.at_s, 6) for s in run.plan if s.user == user}
        assert life.sends == planned
        acts = [(a.number, a.act, round(a.at_s, 6)) for a in run.acts if a.user == user]
        assert list(life.acts) == acts
        assert {subject for subject, _, _ in life.pages} == {user_uuid(SEED, user)}


@pytest.mark.parametrize("name", LAYOUTS)
def test_ids_follow_from_run_seed_user_and_number(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert len(run.starts) > USERS
    for start in run.starts:
        made = client_msg_id(run.settings.run_id, SEED, start.user, start.number)
        assert start.client_msg_id == made


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_server_got_the_planned_texts_from_the_planned_subjects(
    runs: dict[str, Run], name: str
) -> None:
    run = runs[name]
    planned = {send.client_msg_id: send for send in run.plan}
    inserted = [commit for commit in run.commits if commit.op == "INSERT"]
    assert len(inserted) > USERS
    for commit in inserted:
        send = planned[commit.client_msg_id]
        assert (commit.body, commit.webinar_id) == (send.body, send.room)
        assert commit.user_id == user_uuid(SEED, send.user)
    assert run.subscribed == {user_uuid(SEED, user) for user in range(USERS)}
