"""Stories from whole run directories: who is told, what is read, what became of a message."""

from __future__ import annotations

from pathlib import Path as FilePath

import msgspec
import pandas as pd
import pytest

from harness.errors import UsageError
from harness.recorder import BlockBuffer, RecordFile, open_record, read_record
from harness.records import PageOpened, VisibilityChanged
from harness.rundir import RunDir
from reports.audit import examine, write_results
from reports.story.reading import Wanted, read_kept
from reports.story.story import Asked, Story, read_story
from tests.support.histories import ROOM, write_run

_CHROME, _INCOGNITO = "0", "3"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    made = write_run(tmp_path_factory.mktemp("story") / "run", lost=2, timeouts=2, stuck_pending=2)
    write_results(examine(made), made)
    return made


def story(run_dir: RunDir, user: str | None = None, around: str | None = None) -> Story:
    return read_story(run_dir, Asked(user=user, around=around, seconds=5.0))


def ledger(run_dir: RunDir) -> pd.DataFrame:
    return pd.read_parquet(run_dir.root / "ledger.parquet")


def test_a_story_names_its_user_and_tells_their_life_in_order(run_dir: RunDir) -> None:
    found = story(run_dir, _CHROME)

    assert found.headline == (
        f"User 0 of ws-blocked (seed 1): cohort chrome, room {ROOM}, policy plan"
    )
    assert "6 WebSocket attempts; polled for" in found.summary
    assert [line.at_s for line in found.lines] == sorted(line.at_s for line in found.lines)
    assert {"page", "send", "row", "poll", "socket", "fallback"} <= {x.kind for x in found.lines}


def test_only_faults_of_the_users_cohort_stand_beside_the_story(run_dir: RunDir) -> None:
    hit, spared = story(run_dir, _CHROME), story(run_dir, _INCOGNITO)

    assert [fault.fault for fault in hit.faults] == ["ws-blocked"]
    assert sum(line.kind == "fault" for line in hit.lines) == 2
    assert spared.faults == ()
    assert not any(line.kind == "fault" for line in spared.lines)


def test_a_message_lost_in_the_ledger_is_lost_in_its_receivers_and_its_authors_story(
    run_dir: RunDir,
) -> None:
    pairs = ledger(run_dir)
    lost = pairs[pairs["class"] == "lost"].iloc[0]
    receiver, key = str(lost["receiver"]), str(lost["client_msg_id"])

    seen = story(run_dir, receiver, key)
    sent = story(run_dir, around=key[:12])

    assert f"user {receiver}: never saw it: lost" in seen.message
    assert [line.kind for line in seen.lines if line.focus] == ["row"]
    assert "never on this screen" in next(line.text for line in seen.lines if line.focus)
    assert sent.user == lost["sender"]
    assert sent.message[-1].endswith(f"never: user {receiver} (lost)")


def test_around_a_message_says_how_it_came_and_shows_only_that_time(run_dir: RunDir) -> None:
    pairs = ledger(run_dir)
    by_poll = pairs[(pairs["shown_by"] == "poll") & (pairs["class"] == "late")].iloc[0]

    found = story(run_dir, str(by_poll["receiver"]), str(by_poll["client_msg_id"]))

    line = next(x for x in found.message if x.startswith(f"user {by_poll['receiver']}: saw it"))
    assert " by poll, " in line
    assert line.endswith(" after the commit, late")
    times = [line.at_s for line in found.lines]
    # The message's life, which ends on this user's screen, and five seconds at both ends.
    assert max(times) - min(times) <= float(by_poll["delay_s"]) + 10.1


def test_a_message_that_never_ended_is_told_so(run_dir: RunDir) -> None:
    messages = pd.read_parquet(run_dir.root / "messages.parquet")
    stuck = messages[messages["stuck_pending"]].iloc[0]

    found = story(run_dir, around=str(stuck["client_msg_id"]))

    assert found.message[1].endswith(", never answered")
    assert found.message[2] == "never committed"


def test_without_user_and_message_it_asks_for_one(run_dir: RunDir) -> None:
    with pytest.raises(UsageError, match="--user ID, --around MESSAGE"):
        story(run_dir)


def test_of_a_record_only_what_is_wanted_is_kept_in_its_order(run_dir: RunDir) -> None:
    (kept,), notes = read_kept(run_dir, Wanted(users=frozenset({4})))
    whole = read_record(run_dir.events / "load-0.cqr")

    assert notes == ()
    assert {int(user) for user in kept.deliveries["user"]} == {4}
    wanted = [event for _, event in whole.events if getattr(event, "user", None) == 4]
    assert [event for _, event in kept.events] == wanted
    assert len(kept.told(4)) == len(wanted) + int((whole.deliveries["user"] == 4).sum())


def add_record(run_dir: RunDir, process: str, content: bytes) -> FilePath:
    path = run_dir.events / f"{process}.cqr"
    with RecordFile(path, process) as file:
        file.append(content)
    return path


def test_a_kind_of_event_from_a_later_version_is_told_and_hides_nothing(
    tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(msgspec.Struct, tag_field="kind", tag="token_renewed"):
        t_s: float
        user: int
        ttl_s: int

    run_dir = write_run(tmp_path / "run", users=2)
    buffer = BlockBuffer("load-1")
    buffer.event(PageOpened(t_s=1000.0, user=9, user_id="u-9", room=ROOM, cohort="chrome"))
    buffer.event(Later(t_s=1001.0, user=9, ttl_s=60))  # type: ignore[arg-type]
    buffer.event(VisibilityChanged(t_s=1002.0, user=9, visible=False))
    add_record(run_dir, "load-1", buffer.drain())

    texts = [line.text for line in story(run_dir, "u-9").lines]

    assert "token renewed: ttl_s 60" in texts
    assert "hides the tab" in texts


def test_what_is_behind_damage_is_not_told_and_a_note_says_so(tmp_path: FilePath) -> None:
    run_dir = write_run(tmp_path / "run", users=2)
    path = run_dir.events / "load-0.cqr"
    begin = open_record(path).begin
    path.write_bytes(path.read_bytes()[: begin + 40])
    (run_dir.events / "load-1.cqr").write_bytes(b"")

    found = story(run_dir, "0")

    assert found.headline.endswith("never opened the page")
    assert [note.split(":")[0] for note in found.notes] == [
        "events/load-0.cqr is damaged",
        "events/load-1.cqr",
    ]
