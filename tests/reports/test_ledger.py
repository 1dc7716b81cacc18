"""The ledger against a second, plain implementation, and its named cases one by one."""

from __future__ import annotations

from hypothesis import given

from harness.records import (
    Delivery,
    Event,
    Fate,
    OnlineChanged,
    PageClosed,
    Path,
    SendEnded,
    SendStarted,
    VisibilityChanged,
)
from reports.evidence import gather
from reports.ledger import CLASSES, ledger_frame
from reports.wrong import wrong_messages
from tests.support import plain_audit
from tests.support.small_history import (
    UNTIMED,
    Raw,
    committed,
    history,
    opened,
    planned,
    raw_histories,
)


@UNTIMED
@given(raw=raw_histories())
def test_every_pair_has_the_class_that_plain_loops_give_it(raw: Raw) -> None:
    evidence = gather(history(raw))
    ledger, table, users = evidence.ledger, evidence.messages.table, evidence.history.users
    found = {
        (table["client_msg_id"][m], int(users["user"][u])): (
            CLASSES[ledger.kind[i]],
            bool(ledger.expected[i]),
            int(ledger.copies[i]),
            float(ledger.shown_s[i]),
            (
                int(ledger.suppressed_normal[i]),
                int(ledger.suppressed_realtime_poll[i]),
                int(ledger.suppressed_other[i]),
            ),
        )
        for i, (m, u) in enumerate(zip(ledger.message, ledger.receiver, strict=True))
    }
    wanted = {
        key: (pair.kind, pair.expected, pair.copies, pair.shown_s, pair.suppressed)
        for key, pair in plain_audit.ledger(raw).items()
    }
    assert found == wanted


@UNTIMED
@given(raw=raw_histories())
def test_every_planned_send_is_accounted_once(raw: Raw) -> None:
    table = gather(history(raw)).messages.table
    assert sorted(table["client_msg_id"]) == sorted(send.client_msg_id for send in raw.plan)
    requests = plain_audit.sends(raw)
    columns = table[["client_msg_id", "attempts", "timeouts", "outcome"]]
    for key, attempts, timeouts, outcome in columns.itertuples(index=False, name=None):
        tries = requests.get(str(key), [])
        ends = [end.outcome for _, end in tries if end is not None]
        assert (attempts, timeouts) == (len(tries), ends.count("timeout"))
        assert (outcome == "ok") == ("ok" in ends)


def one_message(
    deliveries: tuple[Delivery, ...],
    *events: Event,
    op: str = "",
) -> str:
    """The class of user 0's message, committed at 110 s, on user 1's screen."""
    commits = [committed(1, 5, "m0-0", 110.0)]
    if op:
        commits.append(committed(2, 5, "m0-0", 120.0, op=op))
    raw = Raw((planned(0, 0, 10.0),), tuple(commits), deliveries, (opened(0), opened(1), *events))
    frame = ledger_frame(gather(history(raw)).ledger, history(raw))
    return str(frame[frame["receiver"] == 1]["class"].item())


def at(t_s: float, path: Path = Path.REALTIME, fate: Fate = Fate.SHOWN) -> Delivery:
    return Delivery(t_s, 1, 5, path, fate)


def closed(user: int) -> PageClosed:
    return PageClosed(t_s=159.5, user=user, pending=(), failed=())


def test_shown_in_time_and_once_is_once() -> None:
    assert one_message((at(110.1),)) == "once"


def test_shown_exactly_at_the_limit_is_not_late() -> None:
    assert one_message((at(115.0),)) == "once"
    assert one_message((at(115.5),)) == "late"


def test_a_second_copy_on_the_screen_is_a_visible_duplicate() -> None:
    assert one_message((at(110.1), at(111.0, Path.POLL))) == "visible_duplicate"


def test_a_second_copy_off_the_screen_is_a_suppressed_duplicate() -> None:
    assert one_message((at(110.1), at(111.0, Path.POLL, Fate.SUPPRESSED))) == (
        "suppressed_duplicate"
    )


def test_never_shown_is_lost() -> None:
    assert one_message(()) == "lost"


def test_never_shown_but_deleted_is_withdrawn() -> None:
    assert one_message((), op="DELETE") == "withdrawn"


def test_whoever_left_before_the_end_is_not_judged() -> None:
    early = PageClosed(t_s=130.0, user=1, pending=(), failed=())
    assert one_message((), early) == "unjudged"


def test_closing_within_the_last_second_counts_as_staying() -> None:
    assert one_message((), closed(1)) == "lost"


def test_whoever_was_hidden_or_offline_while_settling_is_not_judged() -> None:
    hidden = VisibilityChanged(t_s=150.0, user=1, visible=False)
    assert one_message((), hidden) == "unjudged"
    offline = OnlineChanged(t_s=150.0, user=1, online=False)
    assert one_message((), offline) == "unjudged"


def test_whoever_was_hidden_only_before_settling_is_judged() -> None:
    away = VisibilityChanged(t_s=120.0, user=1, visible=False)
    back = VisibilityChanged(t_s=130.0, user=1, visible=True)
    assert one_message((), away, back) == "lost"


def test_a_second_page_begins_with_an_empty_screen() -> None:
    again = opened(1, t_s=120.0)
    history_read = at(120.5, Path.HISTORY)
    assert one_message((at(110.1), history_read), again) == "once"


def test_a_page_that_is_opened_anew_is_in_front_whatever_the_last_one_was() -> None:
    hidden = VisibilityChanged(t_s=105.0, user=1, visible=False)
    assert one_message((), hidden) == "unjudged"
    assert one_message((), hidden, opened(1, t_s=106.0)) == "lost"


def test_a_failed_bubble_beside_its_row_is_a_visible_duplicate_for_the_sender() -> None:
    raw = Raw(
        (planned(0, 0, 10.0),),
        (committed(1, 5, "m0-0", 110.0),),
        (Delivery(110.5, 0, 5, Path.REALTIME, Fate.SHOWN),),
        (opened(0), PageClosed(t_s=159.5, user=0, pending=(), failed=("m0-0",))),
    )
    ledger = gather(history(raw)).ledger
    assert list(ledger.copies) == [2]


def test_a_row_under_a_second_id_of_the_same_planned_send_is_a_duplicate_row() -> None:
    def start(key: str, attempt: int) -> SendStarted:
        return SendStarted(
            t_s=110.0 + attempt,
            user=0,
            number=0,
            planned_s=110.0,
            client_msg_id=key,
            attempt=attempt,
        )

    raw = Raw(
        (planned(0, 0, 10.0),),
        (committed(1, 5, "m0-0", 111.0), committed(2, 6, "other", 112.0)),
        (),
        (opened(0), start("m0-0", 1), start("other", 2), closed(0)),
    )
    evidence = gather(history(raw))
    assert list(evidence.messages.table["rows"]) == [2]
    assert [w.kind for w in wrong_messages(evidence)] == ["lost", "duplicate_row"]


def test_an_acknowledged_message_without_a_row_is_lost_after_ack() -> None:
    start = SendStarted(
        t_s=110.0, user=0, number=0, planned_s=110.0, client_msg_id="m0-0", attempt=1
    )
    end = SendEnded(t_s=110.5, user=0, client_msg_id="m0-0", attempt=1, outcome="ok", row_id=5)
    raw = Raw((planned(0, 0, 10.0),), (), (), (opened(0), start, end, closed(0)))
    [wrong] = wrong_messages(gather(history(raw)))
    assert (wrong.kind, wrong.client_msg_id, wrong.committed_at_s) == (
        "lost_after_ack",
        "m0-0",
        None,
    )


def test_a_page_opened_at_the_very_commit_should_show_it() -> None:
    raw = Raw(
        (planned(0, 0, 10.0),),
        (committed(1, 5, "m0-0", 110.0),),
        (),
        (opened(0), opened(1, t_s=110.0), opened(2, t_s=110.5)),
    )
    assert list(gather(history(raw)).ledger.receiver) == [0, 1]


def test_what_was_committed_within_the_last_second_is_not_judged() -> None:
    raw = Raw((planned(0, 0, 10.0),), (committed(1, 5, "m0-0", 159.5),), (), (opened(0),))
    ledger = gather(history(raw)).ledger
    assert list(ledger.is_kind("unjudged")) == [True]
    assert not ledger.expected.any()


def test_a_row_by_answer_and_by_realtime_is_normal_for_its_sender_alone() -> None:
    raw = Raw(
        (planned(0, 0, 10.0),),
        (committed(1, 5, "m0-0", 110.0),),
        tuple(
            Delivery(110.5 + step, user, 5, path, fate)
            for step, (path, fate) in enumerate(
                [(Path.API, Fate.SWAPPED), (Path.REALTIME, Fate.SUPPRESSED)]
            )
            for user in (0, 1)
        ),
        (opened(0), opened(1), closed(0)),
    )
    ledger = gather(history(raw)).ledger
    assert list(ledger.suppressed_normal) == [1, 0]
    assert list(ledger.suppressed_other) == [0, 1]
    assert [CLASSES[kind] for kind in ledger.kind] == ["once", "suppressed_duplicate"]
