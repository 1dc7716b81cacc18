"""What a story says, record by record."""

from __future__ import annotations

import msgspec

from harness.records import (
    ChannelChanged,
    FallbackOff,
    FallbackOn,
    Fate,
    Finding,
    LineChanged,
    OnlineChanged,
    PageClosed,
    Path,
    PersonActed,
    PollEnded,
    PollStarted,
    RecordEnded,
    RequestRepeated,
    SendEnded,
    SendOutcome,
    SendSkipped,
    SendStarted,
    SignedOut,
    SocketClosed,
    SocketOpened,
    SocketOpening,
    SpinnerOff,
    TokenRefreshed,
    TokenRefreshFailed,
    VisibilityChanged,
)
from harness.runsettings import ActKind
from reports.story.life import Fault, Told, UnknownEvent
from reports.story.telling import tell
from tests.reports.story.lives import KEY, OPENED, USER, life, lines, planned, row, shown, told

SENT = SendStarted(t_s=112.345, user=USER, number=0, planned_s=112.34, client_msg_id=KEY, attempt=1)


def ended(t_s: float, outcome: SendOutcome = "ok", row_id: int | None = 57) -> SendEnded:
    return SendEnded(
        t_s=t_s,
        user=USER,
        client_msg_id=KEY,
        attempt=1,
        outcome=outcome,
        row_id=row_id,
    )


def off(t_s: float, by: str) -> SpinnerOff:
    return SpinnerOff(t_s=t_s, user=USER, client_msg_id=KEY, by=by)  # type: ignore[arg-type]


def poll(number: int, t_s: float, cause: str = "period") -> list[Told]:
    return [
        PollStarted(t_s=t_s, user=USER, poll=number, cause=cause),  # type: ignore[arg-type]
        PollEnded(t_s=t_s + 0.03, user=USER, poll=number, outcome="ok"),
    ]


def test_a_send_and_its_answer_are_two_lines_with_the_text_the_row_and_the_wait() -> None:
    swapped = shown(112.911, 57, Path.API, Fate.SWAPPED)
    records: list[Told] = [OPENED, SENT, ended(112.911), off(112.911, "api"), swapped]
    own = row(57, 112.9, author=USER, key=KEY)

    assert told(life(*records, rows=[own], plan=[planned()]))[1:] == [
        'sends "안녕하세요" (message 3f2a9c1e, attempt 1)',
        "✓ row 57 by the answer, 0.57 s after the send (message 3f2a9c1e)",
    ]


def test_a_send_whose_request_never_ends_says_so() -> None:
    text = told(life(OPENED, SENT, plan=[planned()]))[1]

    assert text.endswith("; no answer or time-out ever ends it")


def test_a_time_out_is_one_line_with_its_spinner_and_a_later_row_replaces_the_bubble() -> None:
    swapped = shown(125.0, 57, Path.POLL, Fate.SWAPPED)
    records: list[Told] = [
        OPENED,
        SENT,
        ended(122.345, "timeout", None),
        off(122.345, "timeout"),
        swapped,
    ]

    texts = told(life(*records, rows=[row(57, 124.0, author=USER, key=KEY)]))[2:]

    assert texts == [
        "✗ no answer after 10.0 s: the client gives up on attempt 1 of message 3f2a9c1e; "
        "the spinner ends and the bubble stays",
        "✓ the bubble becomes row 57 by poll, 12.7 s after the send, "
        "after the client had given up (message 3f2a9c1e)",
    ]


def test_h7_a_repetition_by_the_browser_is_told_beside_its_message() -> None:
    again, read = (RequestRepeated(t_s=112.4, user=USER, client_msg_id=key) for key in (KEY, ""))

    assert told(life(OPENED, SENT, again, read, ended(112.9), plan=[planned()]))[2:4] == [
        "the browser repeats the request of message 3f2a9c1e by itself: its connection broke "
        "before the answer",
        "the browser repeats a read by itself: its connection broke before the answer",
    ]


def test_an_answered_row_that_the_server_did_not_commit_stands_out() -> None:
    line = lines(life(OPENED, SENT, ended(112.9), rows=[row(1, 90.0)]))[-1]

    assert line.tone == "bad"
    assert line.text.endswith("but it is not in the commit log")


def test_a_send_that_could_not_be_made_gives_the_reason() -> None:
    skipped = SendSkipped(t_s=110.0, user=USER, number=0, planned_s=110.0, reason="offline")

    assert told(life(OPENED, skipped, plan=[planned()]))[1] == (
        '✗ cannot send "안녕하세요" (message 3f2a9c1e): the browser is offline'
    )


def test_two_rows_are_told_one_by_one_and_more_in_one_line() -> None:
    rows = [row(i, 100.9 + i) for i in range(1, 6)]
    two: list[Told] = [OPENED, *(shown(101.0 + i, i) for i in (1, 2))]
    five: list[Told] = [OPENED, *(shown(101.0 + i, i) for i in range(1, 6))]

    assert told(life(*two, rows=rows[:2]))[1:] == [
        '"message 1" of user 8 (row 1) by Realtime, 0.10 s after its commit',
        '"message 2" of user 8 (row 2) by Realtime, 0.10 s after its commit',
    ]
    assert told(life(*five, rows=rows))[1:] == [
        "5 rows of others by Realtime until +6.000 s, 0.10 s (at most 0.10 s) after commit"
    ]


def test_rows_that_come_again_are_counted_beside_the_new_ones() -> None:
    again = [shown(t_s, 1, fate=Fate.SUPPRESSED) for t_s in (101.2, 101.3)]
    at_once = [shown(101.0, 1), *(shown(101.0, 1, fate=Fate.SUPPRESSED) for _ in range(2))]
    one = [row(1, 100.9)]

    assert told(life(OPENED, shown(101.0, 1), *again, rows=one))[1:] == [
        "1 row of others by Realtime, 2 again, until +1.300 s, 0.10 s (at most 0.10 s) after commit"
    ]
    assert told(life(OPENED, *at_once, rows=one))[1:] == [
        "1 row of others by Realtime, 2 again, 0.10 s (at most 0.10 s) after commit"
    ]


def test_a_long_silence_parts_two_runs_of_rows() -> None:
    moments = (101.0, 102.0, 103.0, 120.0, 121.0, 122.0)
    rows = [row(i, t_s) for i, t_s in enumerate(moments)]
    records: list[Told] = [OPENED, *(shown(t_s, i) for i, t_s in enumerate(moments))]

    assert [line.at_s for line in lines(life(*records, rows=rows))] == [0.0, 1.0, 20.0]


def test_a_row_asked_for_is_never_hidden_among_others() -> None:
    rows = [row(i, 101.0 + i) for i in range(1, 8)]
    records: list[Told] = [OPENED, *(shown(101.0 + i, i) for i in range(1, 8))]

    found = lines(life(*records, rows=rows), focus_rows=frozenset({4}))

    assert [line.focus for line in found] == [False, False, True, False]
    assert "(row 4)" in found[2].text


def test_late_doubled_and_never_shown_rows_stand_out() -> None:
    rows = [row(1, 101.0), row(2, 120.0), row(3, 130.0)]
    records: list[Told] = [OPENED, shown(108.5, 1), shown(120.1, 2), shown(120.6, 2)]

    assert [(line.tone, line.text) for line in lines(life(*records, rows=rows))[1:]] == [
        ("warning", '✗ late: "message 1" of user 8 (row 1) by Realtime, 7.50 s after its commit'),
        ("quiet", '"message 2" of user 8 (row 2) by Realtime, 0.10 s after its commit'),
        ("bad", '✗ "message 2" of user 8 (row 2) by Realtime: shown a second time'),
        ("bad", '✗ never on this screen: "message 3" of user 8 (row 3, committed now)'),
    ]


def test_a_row_of_a_message_already_shown_is_a_second_row_and_not_a_missing_one() -> None:
    rows = [row(1, 110.0, key="same"), row(2, 110.5, key="same")]

    assert told(life(OPENED, shown(110.1, 1), rows=rows))[2] == (
        '✗ a second row of "message 2" of user 8 is committed: 2'
    )


def test_polls_tell_what_they_bring_and_a_run_of_them_is_one_line() -> None:
    first: list[Told] = [*poll(1, 110.0), shown(110.03, 1, Path.POLL), shown(110.03, 2, Path.POLL)]
    idle: list[Told] = [record for i in range(2, 8) for record in poll(i, 107.0 + 3 * i)]
    rows = [row(1, 108.0), row(2, 109.0)]

    assert told(life(OPENED, *first, rows=rows))[1:] == [
        "poll 1 brings 2 rows, the oldest 2.03 s after its commit"
    ]
    assert told(life(OPENED, *idle))[1:] == [
        "6 polls until +28.030 s, one every 3.00 s, bring nothing new"
    ]


def test_a_poll_that_fails_or_never_ends_stands_out() -> None:
    failed: list[Told] = [
        PollStarted(t_s=110.0, user=USER, poll=1, cause="period"),
        PollEnded(t_s=120.0, user=USER, poll=1, outcome="timeout"),
        PollStarted(t_s=121.0, user=USER, poll=2, cause="activation"),
    ]

    assert told(life(OPENED, *failed))[1:] == [
        "poll 1 begins",
        "✗ poll 1 gets no answer after 10.0 s",
        "poll 2 (the first of the fallback) begins",
    ]


def test_a_socket_attempt_is_told_with_its_end_unless_that_is_far_away() -> None:
    records: list[Told] = [
        OPENED,
        SocketOpening(t_s=101.0, user=USER, attempt=1),
        SocketOpened(t_s=101.1, user=USER, attempt=1),
        SocketClosed(t_s=111.1, user=USER, attempt=1, was_open=True, code=1006),
        SocketOpening(t_s=112.0, user=USER, attempt=2),
        SocketClosed(t_s=132.0, user=USER, attempt=2, was_open=False, code=1006, reason="gone"),
    ]

    assert told(life(*records))[1:] == [
        "WebSocket open (attempt 1) after 0.10 s",
        "✗ the WebSocket closes after 10.0 s (code 1006)",
        "tries the WebSocket (attempt 2)",
        "✗ WebSocket attempt 2 fails after 20.0 s (code 1006, gone)",
    ]


def test_steps_of_a_join_that_goes_well_are_one_line_and_a_mute_channel_shows() -> None:
    steps: list[Told] = [
        ChannelChanged(t_s=101.0, user=USER, status="joining"),
        ChannelChanged(t_s=101.1, user=USER, status="subscribed"),
        ChannelChanged(t_s=101.3, user=USER, status="live"),
    ]

    assert told(life(OPENED, *steps))[1:] == [
        "✓ the channel is live: rows flow, 0.20 s after SUBSCRIBED"
    ]
    assert told(life(OPENED, *steps[:2]))[1:] == ["the channel is subscribed; rows do not flow yet"]


def test_h9_what_becomes_of_the_token_is_told() -> None:
    records: list[Told] = [
        OPENED,
        TokenRefreshed(t_s=110.0, user=USER, lasts_s=3599.4),
        TokenRefreshFailed(t_s=120.0, user=USER, reason="HTTP 503", again=True),
        TokenRefreshFailed(t_s=121.0, user=USER, reason="HTTP 400", again=False),
        SignedOut(t_s=121.0, user=USER),
    ]

    assert told(life(*records))[1:] == [
        "has a new access token, good for 3599.4 s",
        "✗ the access token could not be renewed (HTTP 503); tries again",
        "✗ the access token could not be renewed (HTTP 400); gives up for a minute",
        "✗ is signed out: the access token has ended and will not be renewed",
    ]


def test_fallback_says_why_it_came_and_how_long_it_stayed() -> None:
    records: list[Told] = [
        OPENED,
        FallbackOn(t_s=110.0, user=USER, reason="silence"),
        FallbackOff(t_s=133.1, user=USER),
    ]

    assert told(life(*records))[1:] == [
        "▼ fallback on: polling begins because Realtime was silent for too long",
        "▲ fallback off after 23.1 s: Realtime brought an event",
    ]


def test_the_person_the_browser_the_findings_and_what_is_left_on_the_screen_are_told() -> None:
    records: list[Told] = [
        OPENED,
        VisibilityChanged(t_s=101.0, user=USER, visible=False),
        OnlineChanged(t_s=102.0, user=USER, online=False),
        Finding(t_s=103.0, user=USER, what="bad frame", detail="not JSON"),
        PageClosed(t_s=150.0, user=USER, pending=(KEY,), failed=()),
    ]

    assert told(life(*records))[1:] == [
        "hides the tab",
        "✗ the browser says: offline",
        "✗ the server sent what it should not, bad frame: not JSON",
        "closes the page",
        '✗ left on the screen, still says "sending…": message 3f2a9c1e',
    ]


def test_a_closed_laptop_and_changed_lines_are_told() -> None:
    acts: tuple[ActKind, ...] = ("close_lid", "hide", "open_lid")
    lid: list[Told] = [
        PersonActed(t_s=101.0 + number, user=USER, number=number, planned_s=101.0, act=act)
        for number, act in enumerate(acts)
    ]
    changes: list[Told] = [
        LineChanged(t_s=110.0, user=USER, row_id=57, change="hidden", path=Path.REALTIME),
        LineChanged(t_s=111.0, user=USER, row_id=57, change="deleted", path=Path.POLL),
    ]

    assert told(life(OPENED, *lid, *changes))[1:5] == [
        "closes the laptop: it sleeps",
        "opens the laptop",
        "row 57 is hidden now, by Realtime",
        "row 57 is gone from the screen, by a poll",
    ]


def test_a_failed_message_that_is_sent_again_is_told_attempt_by_attempt() -> None:
    swapped = shown(120.1, 57, Path.API, Fate.SWAPPED)
    again = msgspec.structs.replace(SENT, t_s=120.0, attempt=2)
    answered = msgspec.structs.replace(ended(120.1), attempt=2)
    records: list[Told] = [
        OPENED,
        SENT,
        ended(115.345, "network", None),
        off(115.345, "error"),
        again,
        answered,
        off(120.1, "api"),
        swapped,
    ]
    own = row(57, 120.05, author=USER, key=KEY)

    assert told(life(*records, rows=[own], plan=[planned()]))[1:] == [
        'sends "안녕하세요" (message 3f2a9c1e, attempt 1)',
        "✗ attempt 1 of message 3f2a9c1e fails: the network gave no answer after 3.00 s; the "
        "spinner ends and the bubble stays",
        'presses "send again" on "안녕하세요" (message 3f2a9c1e, attempt 2)',
        "✓ row 57 by the answer, 7.75 s after the send (message 3f2a9c1e)",
    ]


def test_one_s_own_row_stands_beside_its_bubble_only_on_the_page_that_has_one() -> None:
    own = row(57, 112.9, author=USER, key=KEY)
    beside = shown(113.0, 57, Path.REALTIME)
    reload: list[Told] = [
        PageClosed(t_s=112.5, user=USER, pending=(KEY,), failed=()),
        msgspec.structs.replace(OPENED, t_s=112.6),
    ]

    here = told(life(OPENED, SENT, beside, rows=[own], plan=[planned()]))
    again = told(life(OPENED, SENT, *reload, beside, rows=[own], plan=[planned()]))

    assert here[-1].startswith("✗ own ")
    assert again[-1].startswith("own ")


def test_what_the_browser_does_to_a_page_out_of_sight_is_told() -> None:
    acts: list[tuple[float, ActKind]] = [
        (101.0, "freeze"),
        (103.0, "navigate_away"),
        (104.0, "navigate_back"),
        (105.0, "navigate_away"),
    ]
    done: list[Told] = [
        PersonActed(t_s=t_s, user=USER, number=number, planned_s=t_s, act=act)
        for number, (t_s, act) in enumerate(acts)
    ]
    frozen, away, back, for_good = done
    records: list[Told] = [
        OPENED,
        frozen,
        away,
        VisibilityChanged(t_s=103.0, user=USER, visible=False),
        back,
        VisibilityChanged(t_s=104.0, user=USER, visible=True),
        for_good,
        PageClosed(t_s=105.0, user=USER, pending=(), failed=(), end="navigated"),
    ]

    assert told(life(*records))[1:7] == [
        "the browser freezes the hidden tab: nothing of its page runs",
        "goes to another page, and the browser keeps this one, frozen",
        "comes back to the page",
        "goes to another page",
        "the browser does not keep the page",
    ]


def test_a_fault_begins_and_ends_among_the_lines() -> None:
    fault = Fault("cut", "The socket is cut.", 110.0, 130.0, seen=True, healed=True)
    unseen = Fault("calm", "Nothing.", 140.0, 200.0, seen=False, healed=False)
    hidden = VisibilityChanged(t_s=120.0, user=USER, visible=False)

    assert told(life(OPENED, hidden, faults=(fault, unseen)))[1:] == [
        "fault cut begins: The socket is cut",
        "hides the tab",
        "fault cut is healed, 20.0 s after it began",
        "fault calm is asked for, but no effect was seen: Nothing",
    ]


def test_kinds_without_a_sentence_are_told_by_their_name_and_fields() -> None:
    strange = UnknownEvent(110.0, "token_renewed", {"user": USER, "ttl_s": 60, "why": "\x1b[2J"})
    untold = RecordEnded(t_s=111.0, process="load", deliveries=1, events=2)

    assert told(life(OPENED, strange, untold))[1:] == [
        "token renewed: ttl_s 60, why �[2J",
        "record ended: process load, deliveries 1, events 2",
    ]


def test_only_the_lines_between_two_moments_are_told() -> None:
    hides = [VisibilityChanged(t_s=t, user=USER, visible=False) for t in (110.0, 120.0, 130.0)]

    assert [line.at_s for line in tell(life(*hides), between_s=(15.0, 25.0))] == [20.0]
