"""The page and the emulated client follow the same plan: the same switches, the same cursor, the
same list. What differs here is measured in a run and not seen by a tester, or the reverse."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from harness.client.cursor import Cursor
from harness.client.message_list import MessageList
from harness.client.policy import POLICIES
from harness.server.page.accounts import account_id
from tests.harness.server.builders import USER
from tests.support.page import row
from tests.support.required import skip_or_fail

STATIC = Path(__file__).parents[4] / "harness" / "server" / "page" / "static"

_REPLAY = """
import { Cursor } from "./cursor.js";
import { MessageList } from "./messages.js";
import { nameOf } from "./session.js";

let input = "";
for await (const chunk of process.stdin) input += chunk;
const stories = JSON.parse(input);

function cursorStory([mode, steps]) {
  const cursor = new Cursor(mode);
  return steps.map(([name, ...values]) => {
    cursor[name](...values);
    return cursor.after;
  });
}

function listStory(steps) {
  const shown = [];
  const list = new MessageList({
    draw(line, next) {
      const at = shown.indexOf(line);
      if (at >= 0) shown.splice(at, 1);
      shown.splice(next === null ? shown.length : shown.indexOf(next), 0, line);
    },
    erase: (line) => shown.splice(shown.indexOf(line), 1),
  });
  return steps.map(([name, ...values]) => {
    const said = list[name](...values) ?? null;
    return [said, shown.map((line) => line.id ?? `${line.clientMsgId} ${line.state}`)];
  });
}

console.log(JSON.stringify({
  cursors: (stories.cursors ?? []).map(cursorStory),
  lists: (stories.lists ?? []).map(listStory),
  names: (stories.ids ?? []).map(nameOf),
}));
"""


NOT_ON_THE_PAGE = {
    "name",
    *("send_timeout", "spinner_ends", "match", "content_match_s"),
    *("order", "apply_changes", "hear_all_deletes", "recreate_channel", "reconnect_jitter"),
    "heartbeat_worker",
    *("silence", "probe_grace_s", "pause_unseen", "cursor_overlap_s", "reread_every"),
    "renew_token",
}
"""The page always does what the reviewed plan has for these."""


def test_the_page_s_plan_has_the_emulated_client_s_switches_and_values() -> None:
    script = (STATIC / "policy.js").read_text()
    plan = re.search(r"PLAN = Object\.freeze\(\{(.*?)\}\)", script, re.DOTALL)
    assert plan is not None
    values = {
        name: json.loads(value)
        for name, value in re.findall(r"^  (\w+): ([^,]+),", plan[1], re.MULTILINE)
    }
    emulated = msgspec.to_builtins(POLICIES["plan-reviewed"])
    assert emulated.keys() - values.keys() == NOT_ON_THE_PAGE
    assert values == {name: emulated[name] for name in values}


@pytest.mark.e2e
def test_cursor_and_list_do_what_the_emulated_client_s_do() -> None:
    rng = Random(4)
    cursors = [(mode, _cursor_steps(rng)) for mode in ("last_seen", "confirmed") * 150]
    lists = [_list_steps(rng) for _ in range(300)]

    replayed = _in_node({"cursors": cursors, "lists": lists})

    assert replayed["cursors"] == [_cursor_story(mode, steps) for mode, steps in cursors]
    for steps, told in zip(lists, replayed["lists"], strict=True):
        assert [said for said, _ in told] == _list_story(steps)


@pytest.mark.e2e
def test_rows_stand_in_the_order_of_their_ids_and_bubbles_after_them() -> None:
    story = [
        ("bubble", "b1", "me", "x"),
        ("bubble", "b2", "me", "x"),
        ("arrive", _row(7, "c7")),
        ("arrive", _row(5, "c5")),
        ("arrive", _row(6, "b2")),
        ("settle", "b1", "timeout"),
        ("arrive", _row(8, "b1")),
        ("remove", 7),
        ("remove", 7),
    ]
    (told,) = _in_node({"lists": [story]})["lists"]
    assert [shown for _, shown in told] == [
        ["b1 sending"],
        ["b1 sending", "b2 sending"],
        [7, "b1 sending", "b2 sending"],
        [5, 7, "b1 sending", "b2 sending"],
        [5, 6, 7, "b1 sending"],
        [5, 6, 7, "b1 failed"],
        [5, 6, 7, 8],
        [5, 6, 8],
        [5, 6, 8],
    ]


@pytest.mark.e2e
def test_the_page_reads_a_name_out_of_its_id() -> None:
    names = ["a", "alice", "fourteen-bytes", "민준이", "é ö", "🚀"]
    ids = [*map(account_id, names), USER]
    assert _in_node({"ids": ids})["names"] == [*names, USER[:8]]


def _in_node(stories: dict[str, Any]) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        skip_or_fail("no Node on PATH")
    with TemporaryDirectory() as folder:
        # In a package of modules: older Nodes take a lone .js for a script of the old kind.
        Path(folder, "package.json").write_text('{"type": "module"}')
        for name in ("answers.js", "cursor.js", "messages.js", "session.js"):
            shutil.copy(STATIC / name, folder)
        Path(folder, "replay.js").write_text(_REPLAY)
        done = subprocess.run(
            [node, "replay.js"], cwd=folder, input=json.dumps(stories), capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    replayed: dict[str, Any] = json.loads(done.stdout)
    return replayed


def _row(row_id: int, client_msg_id: str) -> dict[str, Any]:
    return {"id": row_id, "client_msg_id": client_msg_id, "user_id": "u", "body": "x"}


def _cursor_steps(rng: Random) -> list[list[Any]]:
    def step() -> list[Any]:
        row_id = rng.randint(1, 12)
        told = {
            "askedAfter": rng.choice([None, row_id - 1]),
            "whole": rng.random() < 0.5,
            "sinceLive": rng.random() < 0.5,
        }
        return rng.choice(
            [
                ["read", rng.choice([None, row_id]), told],
                ["pushed", row_id],
                ["acknowledged", row_id],
                ["notLive"],
            ]
        )

    return [step() for _ in range(12)]


def _cursor_story(mode: Any, steps: list[list[Any]]) -> list[int | None]:
    cursor = Cursor(mode)
    told = []
    for name, *values in steps:
        match name:
            case "read":
                last_id, how = values
                cursor.read(
                    None if last_id is None else (last_id, last_id),
                    0.0,
                    asked_s=0.0,
                    asked_after=how["askedAfter"],
                    whole=how["whole"],
                    since_live=how["sinceLive"],
                )
            case "notLive":
                cursor.not_live()
            case _:
                getattr(cursor, name)(*values, 0.0)
        told.append(cursor.after)
    return told


def _list_steps(rng: Random) -> list[list[Any]]:
    bubbles = [f"b{number}" for number in range(3)]
    steps: list[list[Any]] = [["bubble", key, "me", "x"] for key in bubbles]
    for _ in range(12):
        row_id = rng.randint(1, 6)
        # A row has one client_msg_id for good: the small ids are those of the bubbles.
        key = f"b{row_id}" if row_id < 3 else f"c{row_id}"
        steps.append(
            rng.choice([["arrive", _row(row_id, key)], ["settle", rng.choice(bubbles), "timeout"]])
        )
    return steps


def _list_story(steps: list[list[Any]]) -> list[Any]:
    emulated = MessageList(POLICIES["plan-reviewed"])
    told: list[Any] = []
    for name, *values in steps:
        match name:
            case "bubble":
                emulated.show_bubble(values[0], "", 0.0)
                told.append(None)
            case "settle":
                told.append(emulated.fail_bubble(values[0]))
            case _:
                one = row(values[0]["id"], client_msg_id=values[0]["client_msg_id"])
                told.append(emulated.arrive(one, emulated.bubble_of(one, 0.0)).name.lower())
    return told
