"""Failed messages that are sent again, and pages that the browser stops, keeps or throws away."""

from __future__ import annotations

from collections.abc import Sequence

import gevent
import msgspec
import pytest

from harness.client.browser import CHROME, Browser
from harness.client.library import LIBRARIES, Library
from harness.client.policy import Policy
from harness.drivers.http_pool import Answer
from harness.records import (
    ChannelChanged,
    Event,
    PageClosed,
    PageOpened,
    PersonActed,
    SendEnded,
    SendSkipped,
    SendStarted,
    SocketClosed,
    SocketOpening,
    VisibilityChanged,
)
from harness.runsettings import ActKind
from harness.wire.api import CreateAnswer
from tests.harness.drivers.test_user_driver import (
    QUICK,
    Driven,
    Realtime,
    ScriptedHttp,
    driven,
    never,
    refuses,
)
from tests.support.page import message_id, row
from tests.support.tiny_servers import serving, until, unused_address

pytestmark = pytest.mark.e2e

Acts = Sequence[tuple[float, ActKind]]
AWAY: Acts = [(0.2, "navigate_away"), (0.4, "navigate_back")]
LEGACY = LIBRARIES["rjs-legacy"]
BEFORE_149 = msgspec.structs.replace(CHROME, bfcache_with_socket=False)


@pytest.fixture
def nowhere() -> int:
    return unused_address()[1]


def attempts(one: Driven) -> list[tuple[int, int]]:
    return [(started.number, started.attempt) for started in one.events(SendStarted)]


def pages(one: Driven) -> list[str]:
    """How each page began and ended."""
    found: list[Event] = [e for e in one.sink.events if isinstance(e, PageOpened | PageClosed)]
    return [e.end if isinstance(e, PageClosed) else "opened" for e in found]


def act_s(one: Driven, act: ActKind) -> float:
    """When it was done."""
    (found,) = (acted.t_s for acted in one.events(PersonActed) if acted.act == act)
    return float(found)


class FailsFirst(ScriptedHttp):
    """Refuses so many sends, and answers the next ones with their row."""

    def __init__(self, failures: int) -> None:
        super().__init__(self._answer)
        self._failures = failures

    def _answer(self) -> Answer:
        if self._failures:
            self._failures -= 1
            return refuses()
        mine = row(1, by="u", client_msg_id=message_id(0))
        return Answer(200, msgspec.json.encode(CreateAnswer(True, mine)))


# -- "send again" ---------------------------------------------------------------------------


def test_a_failed_message_is_sent_again_so_long_after_its_failure(nowhere: int) -> None:
    options = {"http": FailsFirst(1), "retry_after_s": (0.05,)}
    with driven(nowhere, at_s=[0.0], **options) as one:
        until(lambda: len(one.events(SendEnded)) == 2)

    assert attempts(one) == [(0, 1), (0, 2)]
    assert [ended.outcome for ended in one.events(SendEnded)] == ["network", "ok"]
    failed_s, again_s = one.events(SendEnded)[0].t_s, one.events(SendStarted)[1].t_s
    assert again_s >= failed_s + 0.05
    assert {started.planned_s for started in one.events(SendStarted)} == {one.begins_s}


def test_a_person_gives_up_after_so_many_retries(nowhere: int) -> None:
    options = {"http": ScriptedHttp(refuses), "retry_after_s": (0.02, 0.02)}
    with driven(nowhere, at_s=[0.0], **options) as one:
        until(lambda: len(one.events(SendEnded)) == 3)
        gevent.sleep(0.1)

    assert attempts(one) == [(0, 1), (0, 2), (0, 3)]
    assert one.events(PageClosed)[0].failed == (message_id(0),)


def test_who_is_away_presses_when_they_are_back(nowhere: int) -> None:
    acts: Acts = [(0.05, "hide"), (0.2, "show")]
    options = {"http": FailsFirst(1), "retry_after_s": (0.08,)}
    with driven(nowhere, at_s=[0.0], acts=acts, **options) as one:
        until(lambda: len(one.events(SendStarted)) == 2)

    assert one.events(SendStarted)[1].t_s >= act_s(one, "show")


@pytest.mark.parametrize(
    "acts", [[(0.05, "leave"), (0.06, "come_back")], [(0.05, "hide"), (0.06, "discard")]]
)
def test_on_another_page_nothing_is_left_to_be_sent_again(nowhere: int, acts: Acts) -> None:
    options = {"http": ScriptedHttp(refuses), "retry_after_s": (0.1,)}
    with driven(nowhere, at_s=[0.0], acts=acts, **options) as one:
        until(lambda: one.events(PageClosed))
        gevent.sleep(0.2)

    assert attempts(one) == [(0, 1)]


def test_nobody_sends_again_once_the_load_is_over(nowhere: int) -> None:
    options = {"http": ScriptedHttp(refuses), "retry_after_s": (0.1,), "load_s": 0.05}
    with driven(nowhere, at_s=[0.0], **options) as one:
        until(lambda: one.events(SendEnded))
        gevent.sleep(0.2)

    assert attempts(one) == [(0, 1)]


# -- a frozen tab ---------------------------------------------------------------------------


def test_in_a_frozen_tab_no_timer_runs_and_those_overdue_run_when_it_is_shown(
    nowhere: int,
) -> None:
    """A send would time out after 50 ms."""
    acts: Acts = [(0.02, "hide"), (0.03, "freeze"), (0.2, "show")]
    with driven(nowhere, at_s=[0.01], policy=QUICK, http=ScriptedHttp(never), acts=acts) as one:
        until(lambda: one.events(SendEnded))

    (ended,) = one.events(SendEnded)
    assert ended.outcome == "timeout"
    assert ended.t_s >= act_s(one, "show")


def test_an_answer_that_comes_to_a_frozen_tab_is_heard_when_it_is_shown(nowhere: int) -> None:
    def slowly() -> Answer:
        gevent.sleep(0.08)
        return http_answer()

    acts: Acts = [(0.02, "hide"), (0.03, "freeze"), (0.3, "show")]
    patient = Policy(name="patient")
    with driven(nowhere, at_s=[0.0], policy=patient, http=ScriptedHttp(slowly), acts=acts) as one:
        until(lambda: one.events(SendEnded))

    (ended,) = one.events(SendEnded)
    assert ended.outcome == "ok"
    assert ended.t_s >= act_s(one, "show")


def http_answer() -> Answer:
    mine = row(1, by="u", client_msg_id=message_id(0))
    return Answer(200, msgspec.json.encode(CreateAnswer(True, mine)))


def test_a_frozen_tab_keeps_its_socket_and_hears_of_its_end_when_it_is_shown() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "hide"), (0.25, "freeze"), (0.5, "show")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: any(acted.act == "freeze" for acted in one.events(PersonActed)))
        assert one.events(SocketClosed) == []
        server.ends[0].connection.shutdown(2)
        until(lambda: one.events(SocketClosed))
        until(lambda: len(server.ends) == 2)  # it is visible, so the library tries again

    assert one.events(SocketClosed)[0].t_s >= act_s(one, "show")
    assert pages(one) == ["opened", "closed"]
    assert one.crashes == []


def test_who_leaves_a_frozen_tab_hears_of_nothing_that_waited_for_it() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "hide"), (0.25, "freeze"), (0.5, "leave")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: any(acted.act == "freeze" for acted in one.events(PersonActed)))
        server.ends[0].connection.shutdown(2)
        until(lambda: one.events(PageClosed))

    assert one.events(SocketClosed) == []
    assert one.crashes == []


# -- a discarded tab ------------------------------------------------------------------------


def test_a_discarded_tab_is_loaded_anew_when_it_is_shown() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "hide"), (0.3, "discard"), (0.5, "show")]
    with serving(server) as (_, port), driven(port, at_s=[0.4], acts=acts) as one:
        until(lambda: len(server.ends) == 2)

    assert pages(one) == ["opened", "discarded", "opened", "closed"]
    assert server.close_codes[0] == 1001
    assert one.events(PageOpened)[1].t_s >= act_s(one, "show")
    assert [change.visible for change in one.events(VisibilityChanged)] == [False]
    assert one.http.asked.count(one.http.asked[0]) == 2  # the history, anew
    assert [skip.reason for skip in one.events(SendSkipped)] == ["page_not_open"]
    assert one.crashes == []


def test_what_a_discarded_page_said_of_its_messages_is_recorded_as_it_stood(nowhere: int) -> None:
    patient = Policy(name="patient")
    acts: Acts = [(0.05, "hide"), (0.06, "discard")]
    options = {"policy": patient, "http": ScriptedHttp(never)}
    with driven(nowhere, at_s=[0.0], acts=acts, **options) as one:
        until(lambda: one.events(PageClosed))
        until(lambda: one.http.killed == 1)

    assert one.events(PageClosed)[0].pending == (message_id(0),)
    assert one.events(SendEnded) == []


# -- another page in the tab, and back ------------------------------------------------------


def test_the_library_hangs_up_as_the_page_is_put_away_and_connects_again_on_return() -> None:
    server = Realtime()
    with serving(server) as (_, port), driven(port, acts=AWAY) as one:
        until(lambda: len(server.ends) == 2)
        until(lambda: len(one.events(ChannelChanged)) >= 5)

    assert pages(one) == ["opened", "closed"]
    assert [change.visible for change in one.events(VisibilityChanged)] == [False, True]
    assert one.events(SocketOpening)[1].t_s >= act_s(one, "navigate_back")
    assert one.crashes == []


def test_the_library_before_2_100_has_its_socket_cut_and_hears_of_it_on_return() -> None:
    server = Realtime()
    with serving(server) as (_, port), driven(port, acts=AWAY, library=LEGACY) as one:
        until(lambda: one.events(SocketClosed))

    assert pages(one) == ["opened", "closed"]
    (closed, *_) = one.events(SocketClosed)
    assert (closed.code, closed.was_open) == (1006, True)
    assert closed.t_s >= act_s(one, "navigate_back")
    assert server.close_codes[0] == 1001
    assert one.crashes == []


@pytest.mark.parametrize(
    ("browser", "library", "end"),
    [
        (BEFORE_149, LIBRARIES["rjs-legacy"], "navigated"),
        (BEFORE_149, LIBRARIES["rjs-current"], None),
        (msgspec.structs.replace(CHROME, bfcache_s=0.0), LIBRARIES["rjs-current"], "navigated"),
        (msgspec.structs.replace(CHROME, bfcache_s=0.1), LIBRARIES["rjs-current"], "evicted"),
    ],
    ids=["open-socket-before-149", "closed-socket-before-149", "no-cache", "away-for-too-long"],
)
def test_which_pages_the_browser_keeps(browser: Browser, library: Library, end: str | None) -> None:
    server = Realtime()
    options = {"browser": browser, "library": library}
    with serving(server) as (_, port), driven(port, acts=AWAY, **options) as one:
        until(lambda: len(server.ends) == 2)

    kept = ["opened", "closed"]
    assert pages(one) == (kept if end is None else ["opened", end, *kept])
    assert one.crashes == []


def test_a_kept_page_hears_the_answer_of_its_send_on_return(nowhere: int) -> None:
    def slowly() -> Answer:
        gevent.sleep(0.1)
        return http_answer()

    acts: Acts = [(0.05, "navigate_away"), (0.3, "navigate_back")]
    patient = Policy(name="patient")
    with driven(nowhere, at_s=[0.0], policy=patient, http=ScriptedHttp(slowly), acts=acts) as one:
        until(lambda: one.events(SendEnded))

    (ended,) = one.events(SendEnded)
    assert ended.outcome == "ok"
    assert ended.t_s >= act_s(one, "navigate_back")
    assert one.crashes == []


def test_who_is_on_another_page_cannot_send(nowhere: int) -> None:
    acts: Acts = [(0.02, "navigate_away"), (0.06, "navigate_back")]
    with driven(nowhere, at_s=[0.04, 0.08], acts=acts) as one:
        until(lambda: one.events(SendStarted))

    assert [(skip.number, skip.reason) for skip in one.events(SendSkipped)] == [
        (0, "page_not_open")
    ]
