"""What became of every planned send: one row for each, from the sender and the commit log.

A message *is* a planned send. It is known by its ``client_msg_id`` and by any other that was
sent for it, so that a row under a second id is a duplicate and no stranger.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.records import (
    PageClosed,
    RequestRepeated,
    SendEnded,
    SendSkipped,
    SendStarted,
    SpinnerOff,
)
from reports.attempts import Attempts, attempts_of
from reports.history import History
from reports.spans import Floats, Ints

NEVER_ENDED = "unanswered"
"""Outcome of a send whose request was still open at the end."""
NOT_MADE = "not_attempted"
"""Outcome of a planned send of which nothing is recorded; a hole in the rig."""
SKIPPED = "skipped"
"""Outcome of a planned send that the person could not make."""


@dataclass(frozen=True)
class Messages:
    """Every planned send and every row that it left in the database."""

    table: pd.DataFrame
    """A row for each message, in planned order. Columns, besides those of ``History.plan``:

    ``cohort`` of the sender; ``attempts`` requests started, retries among them; ``repeats`` those
    that the browser added by itself (H7); ``timeouts, refusals, bad_answers,
    network_failures`` requests that ended so; ``started_s`` first request, ``acked_s`` first
    success, ``ended_s`` last end, ``spinner_off_s`` (NaN: never); ``outcome``; ``skipped`` the
    reason, or empty;
    ``rows`` committed; ``row_id`` and ``committed_s`` of the first (-1, NaN: none);
    ``withdrawn_s`` when a row was first changed or deleted (inf: never); ``lost_after_ack``.

    The bubble: ``stuck_pending`` it said "sending…" to the end of the run, or to the end of a page
    that closed before, for longer than the policy's time-out; ``left_pending`` its page closed
    sooner; ``shown_pending``, ``shown_failed`` it stood so on the sender's last page at its end.
    """
    row_ids: Ints
    """Ids of all committed rows of messages, ascending."""
    row_messages: Ints
    """The message of each, as a position in ``table``."""
    attempts: Attempts

    def of_rows(self, row_ids: NDArray[np.int64]) -> Ints:
        """The message of each row id, -1 for rows that belong to none."""
        found = pd.Index(self.row_ids).get_indexer(pd.Index(row_ids))
        # A position of -1 reads the sentinel at the end.
        return np.append(self.row_messages, -1)[found]


@dataclass(frozen=True)
class _Ids:
    """Every known ``client_msg_id`` and its message."""

    ids: pd.Index
    messages: Ints

    def of(self, frame: pd.DataFrame) -> Ints:
        """The message of each row of a table, -1 for rows that belong to none."""
        found = self.ids.get_indexer(pd.Index(frame["client_msg_id"], dtype=object))
        return np.append(self.messages, -1)[found]


def account(history: History) -> Messages:
    """Join plan, sends and commits."""
    table = history.plan.copy()
    cohort = pd.Series(history.users["cohort"].to_numpy(), index=history.users["user"])
    table["cohort"] = table["user"].map(cohort).astype(object).fillna("")
    started = history.events.frame(SendStarted)
    ids = _known_ids(table, started)
    ended = history.events.frame(SendEnded)
    _add_sends(table, started, ids.of(started), ended, ids.of(ended))
    repeated = ids.of(history.events.frame(RequestRepeated))
    table["repeats"] = _count(len(table), repeated[repeated >= 0])
    skipped = history.events.frame(SendSkipped)
    _add_skipped(table, skipped)
    _add_outcome(table, ended, ids.of(ended))
    off = history.events.frame(SpinnerOff)
    table["spinner_off_s"] = _first(len(table), ids.of(off), _floats(off["t_s"]))
    timeouts_s = history.settings.ack_timeout_s
    patience_s = np.array([timeouts_s.get(cohort, np.inf) for cohort in table["cohort"]])
    attempts = attempts_of(history, ids.of(started), patience_s)
    _add_bubbles(table, history, ids, attempts)
    inserts = history.commits[history.commits["op"] == "INSERT"].drop_duplicates("row_id")
    result = _add_commits(table, inserts, ids.of(inserts), attempts)
    _add_withdrawals(result, history.commits)
    table["lost_after_ack"] = table["acked_s"].notna() & (table["rows"] == 0)
    return result


def _known_ids(table: pd.DataFrame, started: pd.DataFrame) -> _Ids:
    planned = table[["user", "number", "client_msg_id"]].assign(message=np.arange(len(table)))
    sent = started[["user", "number", "client_msg_id"]].merge(
        planned[["user", "number", "message"]], on=["user", "number"]
    )
    both = pd.concat([planned, sent]).drop_duplicates("client_msg_id")
    return _Ids(pd.Index(both["client_msg_id"], dtype=object), both["message"].to_numpy(np.int64))


def _add_sends(
    table: pd.DataFrame, started: pd.DataFrame, of_start: Ints, ended: pd.DataFrame, of_end: Ints
) -> None:
    outcome = ended["outcome"].to_numpy()
    table["attempts"] = _count(len(table), of_start)
    table["started_s"] = _first(len(table), of_start, _floats(started["t_s"]))
    table["timeouts"] = _count(len(table), of_end[outcome == "timeout"])
    table["refusals"] = _count(len(table), of_end[outcome == "refused"])
    table["bad_answers"] = _count(len(table), of_end[outcome == "bad_answer"])
    table["network_failures"] = _count(len(table), of_end[outcome == "network"])
    ok = outcome == "ok"
    table["acked_s"] = _first(len(table), of_end[ok], _floats(ended["t_s"])[ok])
    table["ended_s"] = -_first(len(table), of_end, -_floats(ended["t_s"]))


def _add_skipped(table: pd.DataFrame, skipped: pd.DataFrame) -> None:
    reasons = skipped[["user", "number", "reason"]].drop_duplicates(["user", "number"])
    found = table[["user", "number"]].merge(reasons, on=["user", "number"], how="left")
    table["skipped"] = found["reason"].fillna("").to_numpy()


def _add_outcome(table: pd.DataFrame, ended: pd.DataFrame, of_end: Ints) -> None:
    """``ok`` if any request was, else how the last one ended."""
    outcome = np.full(len(table), NOT_MADE, dtype=object)
    outcome[table["skipped"] != ""] = SKIPPED
    outcome[table["attempts"] > 0] = NEVER_ENDED
    known = of_end >= 0
    # Events are in time order, so the last of each message is written last.
    outcome[of_end[known]] = ended["outcome"].to_numpy()[known]
    outcome[table["acked_s"].notna()] = "ok"
    table["outcome"] = outcome


def _add_bubbles(table: pd.DataFrame, history: History, ids: _Ids, attempts: Attempts) -> None:
    """What became of bubbles: on whatever page they stood, and on the sender's last one."""
    for column, so in (("stuck_pending", attempts.stuck), ("left_pending", attempts.left)):
        table[column] = _count(len(table), attempts.message[so]) > 0
    opened_s = dict(zip(history.users["user"], history.users["opened_s"], strict=True))
    last = [p for p in history.events.of(PageClosed) if p.t_s >= opened_s.get(p.user, np.inf)]
    for column, shown in (
        ("shown_pending", [i for page in last for i in page.pending]),
        ("shown_failed", [i for page in last for i in page.failed]),
    ):
        message = ids.of(pd.DataFrame({"client_msg_id": pd.Series(shown, dtype=object)}))
        table[column] = _count(len(table), message) > 0


def _add_commits(
    table: pd.DataFrame, inserts: pd.DataFrame, of_insert: Ints, attempts: Attempts
) -> Messages:
    known = of_insert >= 0
    row_id, message = inserts["row_id"].to_numpy()[known], of_insert[known]
    committed_s = _floats(inserts["committed_s"])[known]
    table["rows"] = _count(len(table), message)
    table["committed_s"] = _first(len(table), message, committed_s)
    first_row = np.full(len(table), -1, dtype=np.int64)
    # Commits are in commit order; written backwards, the first of each message stays.
    first_row[message[::-1]] = row_id[::-1]
    table["row_id"] = first_row
    order = np.argsort(row_id)
    return Messages(table, row_id[order], message[order], attempts)


def _add_withdrawals(messages: Messages, commits: pd.DataFrame) -> None:
    """The log does not say what an UPDATE changed; a hidden row need not be shown either."""
    changed = commits[commits["op"] != "INSERT"]
    message = messages.of_rows(changed["row_id"].to_numpy())
    first = _first(len(messages.table), message, _floats(changed["committed_s"]))
    messages.table["withdrawn_s"] = np.where(np.isnan(first), np.inf, first)


def _first(count: int, message: Ints, t_s: Floats) -> Floats:
    """The earliest time of each message, NaN where it has none."""
    first: Floats = np.full(count, np.nan)
    known = message >= 0
    np.fmin.at(first, message[known], t_s[known])
    return first


def _count(count: int, message: Ints) -> Ints:
    return np.bincount(message[message >= 0], minlength=count).astype(np.int64)


def _floats(column: pd.Series[float]) -> Floats:
    return np.asarray(column, dtype=np.float64)
