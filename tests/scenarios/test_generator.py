"""A process that carries users, with drivers and a coordinator that are played by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import jwt
import msgspec
import pytest

from harness.client.browser import BROWSERS, Browser
from harness.client.commands import CloseSocket, StartRequest, UseToken
from harness.client.library import LEGACY
from harness.client.session import Session
from harness.drivers.sockets import Endpoint
from harness.recorder import RecordFile, read_record
from harness.records import PageOpened, RecordEnded, RigSample
from harness.runsettings import PlannedAct, PlannedSend
from harness.tokens import user_uuid
from scenarios import generator as module
from scenarios.generator import Assignment, Blocks, Generator, Status
from scenarios.model import to_toml
from scenarios.people import acts
from scenarios.population import population
from scenarios.workload import plan
from tests.support.fake_runtime import READY, FakeEnvironment, FakeRunner, small_scenario

SCENARIO = small_scenario(users=3)
NOW_UNIX_S = 1_700_000_000
ASSIGNMENT = Assignment(
    scenario_toml=to_toml(SCENARIO),
    ready=READY,
    load_begins_at_s=100.0,
    load_ends_at_s=110.0,
    issued_at_unix_s=NOW_UNIX_S,
)


class FakeDriver:
    """In the place of a ``UserDriver``: opens its session's page and keeps what it was given."""

    def __init__(
        self,
        user: int,
        session: Session,
        sends: tuple[PlannedSend, ...],
        *,
        realtime: Endpoint,
        http: Any,
        on_crash: Callable[[int, BaseException], None],
        acts: tuple[PlannedAct, ...],
        another_page: Callable[[], Session],
        project_http: Callable[[], Any] | None,
        browser: Browser,
        **_: Any,
    ) -> None:
        self.user = user
        self.session = session
        self.sends = sends
        self.acts = acts
        self.another_page = another_page
        self.project_http = project_http
        self.realtime = realtime
        self.http = http
        self.on_crash = on_crash
        self.browser = browser
        self.stops = 0

    def start(self) -> None:
        self.session.open_page(100.0)

    def stop(self) -> None:
        self.stops += 1
        self.session.close_page(110.0)


class FakePool:
    """In the place of an ``HttpPool``."""

    def __init__(
        self, address: tuple[str, int], host: str, headers: dict[str, str], browser: Browser
    ) -> None:
        self.address = address
        self.headers = headers
        self.browser = browser


class Carrying:
    """A generator and what it sent."""

    def __init__(self, assignment: Assignment = ASSIGNMENT) -> None:
        self._environment = FakeEnvironment()
        self.generator = Generator("load-0", assignment, self._environment)

    @property
    def runner(self) -> FakeRunner:
        return self._environment.runner

    def start(self, index: int) -> FakeDriver:
        driver: Any = self.generator.start_user(index)
        assert isinstance(driver, FakeDriver)
        return driver

    def blocks(self) -> list[Blocks]:
        return [msgspec.convert(sent.data, Blocks) for sent in self.runner.of("chatquake.blocks")]


@pytest.fixture
def carrying(monkeypatch: pytest.MonkeyPatch) -> Iterator[Carrying]:
    monkeypatch.setattr(module, "UserDriver", FakeDriver)
    monkeypatch.setattr(module, "HttpPool", FakePool)
    carrying = Carrying()
    yield carrying
    carrying.generator.finish()  # its chores are greenlets of this process


@pytest.fixture
def carrying_legacy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Carrying]:
    monkeypatch.setattr(module, "UserDriver", FakeDriver)
    monkeypatch.setattr(module, "HttpPool", FakePool)
    (cohort,) = SCENARIO.cohorts
    legacy = msgspec.structs.replace(cohort, library=LEGACY)
    scenario = msgspec.structs.replace(SCENARIO, cohorts=(legacy,))
    carrying = Carrying(msgspec.structs.replace(ASSIGNMENT, scenario_toml=to_toml(scenario)))
    yield carrying
    carrying.generator.finish()


def record_of(blocks: list[Blocks], tmp_path: Path) -> list[object]:
    path = tmp_path / "load-0.cqr"
    with RecordFile(path, "load-0") as file:
        for each in blocks:
            file.append(each.content)
    record = read_record(path)
    assert record.complete
    return [event for _, event in record.events]


def test_a_lease_waits_for_the_coordinator_s_answer_and_answers_go_in_the_order_of_asking(
    carrying: Carrying,
) -> None:
    waiting = [gevent.spawn(carrying.generator.lease) for _ in range(3)]
    gevent.sleep(0)
    assert [sent.data for sent in carrying.runner.of("chatquake.lease")] == [
        {"process": "load-0"}
    ] * 3
    assert not any(greenlet.dead for greenlet in waiting)

    for index in (4, 7, None):
        carrying.generator.leased(index)
    assert [greenlet.get() for greenlet in waiting] == [4, 7, None]


@pytest.mark.parametrize("index", range(3))
def test_a_user_is_who_the_index_says_whatever_process_starts_them(
    carrying: Carrying, index: int
) -> None:
    driver = carrying.start(index)

    (member,) = [each for each in population(SCENARIO) if each.user == index]
    sends = [send for send in plan(SCENARIO, run_id=READY.run_id) if send.user == index]
    assert list(driver.sends) == sends
    carrying.generator.finish()
    content = b"".join(each.content for each in carrying.blocks())
    user_id = user_uuid(SCENARIO.seed, index)
    opened = PageOpened(
        t_s=100.0, user=index, user_id=user_id, room=member.room, cohort="all-users"
    )
    assert msgspec.json.encode(opened) in content


def test_a_user_goes_through_the_proxies_of_the_cohort_with_a_token_of_their_own(
    carrying: Carrying,
) -> None:
    drivers = [carrying.start(index) for index in range(2)]

    (endpoints,) = READY.endpoints["all-users"]
    for index, driver in enumerate(drivers):
        assert driver.realtime.address == (endpoints.realtime.host, endpoints.realtime.port)
        assert driver.http.address == (endpoints.api.host, endpoints.api.port)
        assert claims_of(driver)["sub"] == user_uuid(SCENARIO.seed, index)


def test_a_user_has_the_browser_of_the_cohort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UserDriver", FakeDriver)
    monkeypatch.setattr(module, "HttpPool", FakePool)
    cohorts = [
        msgspec.structs.replace(cohort, browser=BROWSERS["chrome-csp"])
        for cohort in SCENARIO.cohorts
    ]
    scenario = msgspec.structs.replace(SCENARIO, cohorts=tuple(cohorts))
    carrying = Carrying(msgspec.structs.replace(ASSIGNMENT, scenario_toml=to_toml(scenario)))
    driver = carrying.start(0)
    carrying.generator.finish()

    assert driver.browser == driver.http.browser == BROWSERS["chrome-csp"]


def test_a_page_that_wants_a_worker_is_told_what_its_browser_does_to_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "UserDriver", FakeDriver)
    monkeypatch.setattr(module, "HttpPool", FakePool)
    cohorts = [
        msgspec.structs.replace(
            cohort,
            browser=BROWSERS["chrome-csp"],
            policy=msgspec.structs.replace(cohort.policy, heartbeat_worker=True),
        )
        for cohort in SCENARIO.cohorts
    ]
    scenario = msgspec.structs.replace(SCENARIO, cohorts=tuple(cohorts))
    carrying = Carrying(msgspec.structs.replace(ASSIGNMENT, scenario_toml=to_toml(scenario)))
    session = carrying.start(0).session
    session.socket_opened(1, 100.0)
    session.wake(101.0)
    commands = session.drain()
    carrying.generator.finish()

    assert any(isinstance(command, CloseSocket) for command in commands)


def claims_of(driver: FakeDriver) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        driver.http.headers["Authorization"].removeprefix("Bearer "),
        READY.jwt_secret,
        algorithms=["HS256"],
        options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
    )
    return claims


def test_a_user_gets_the_acts_and_the_part_of_their_persona(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "UserDriver", FakeDriver)
    monkeypatch.setattr(module, "HttpPool", FakePool)
    people = {"presenter": 1, "late-comer": 1.0}
    load = msgspec.structs.replace(SCENARIO.load, room_size=3, people=people)
    scenario = msgspec.structs.replace(SCENARIO, load=load)
    carrying = Carrying(msgspec.structs.replace(ASSIGNMENT, scenario_toml=to_toml(scenario)))
    presenter, late = (carrying.start(index) for index in range(2))
    carrying.generator.finish()

    assert claims_of(presenter)["app_metadata"]["webinars"] == {"1": "presenter"}
    assert claims_of(late)["app_metadata"]["webinars"] == {"1": "attendee"}
    assert presenter.acts == ()
    assert late.acts == tuple(act for act in acts(scenario) if act.user == 1)
    assert late.acts[0].act == "arrive"
    assert late.another_page() is not late.session


def signing_in(monkeypatch: pytest.MonkeyPatch, *, renews: bool) -> Carrying:
    """Users whose tokens are good for 40 s; it is 100 s, when a fake driver opens its page."""
    monkeypatch.setattr(module, "monotonic_s", lambda: 100.0)
    monkeypatch.setattr(module, "UserDriver", FakeDriver)
    monkeypatch.setattr(module, "HttpPool", FakePool)
    (cohort,) = SCENARIO.cohorts
    policy = msgspec.structs.replace(cohort.policy, renew_token=renews)
    scenario = msgspec.structs.replace(
        SCENARIO,
        access_token_lifetime_s=40,
        cohorts=(msgspec.structs.replace(cohort, policy=policy),),
    )
    ready = msgspec.structs.replace(READY, refresh_tokens=("r0", "r1", "r2"))
    toml = to_toml(scenario)
    return Carrying(msgspec.structs.replace(ASSIGNMENT, scenario_toml=toml, ready=ready))


def first_token(session: Session) -> dict[str, Any]:
    """The claims of the token that a page opens with."""
    (used,) = [one for one in session.drain() if isinstance(one, UseToken)]
    claims: dict[str, Any] = jwt.decode(
        used.token,
        READY.jwt_secret,
        algorithms=["HS256"],
        options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
    )
    return claims


def test_where_tokens_end_a_user_is_signed_in_anew_and_renews_through_the_realtime_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carrying = signing_in(monkeypatch, renews=True)
    driver = carrying.start(1)
    commands = driver.session.drain()
    carrying.generator.finish()

    (used,) = [one for one in commands if isinstance(one, UseToken)]
    (asked,) = [one for one in commands if isinstance(one, StartRequest) and one.to == "project"]
    assert asked.body == b'{"refresh_token":"r1"}'
    claims = jwt.decode(used.token, options={"verify_signature": False})
    assert claims["sub"] == user_uuid(SCENARIO.seed, 1)
    assert claims["exp"] - claims["iat"] == 40
    assert driver.project_http is not None
    pool = driver.project_http()
    realtime = READY.endpoints["all-users"][0].realtime
    assert pool.address == (realtime.host, realtime.port)
    assert pool.headers["apikey"] == READY.api_key
    assert pool.headers["Authorization"] == f"Bearer {READY.api_key}"


@pytest.mark.parametrize("renews", [True, False])
def test_another_page_finds_the_stored_session_or_is_given_a_token_of_its_own(
    monkeypatch: pytest.MonkeyPatch, renews: bool
) -> None:
    carrying = signing_in(monkeypatch, renews=renews)
    driver = carrying.start(1)
    first = first_token(driver.session)
    monkeypatch.setattr(module, "monotonic_s", lambda: 5000.0)
    again = driver.another_page()
    again.open_page(5000.0)
    second = first_token(again)
    carrying.generator.finish()

    assert (second == first) is renews


@pytest.mark.parametrize(("kept", "hangs_up"), [("carrying", True), ("carrying_legacy", False)])
def test_a_page_has_the_library_of_its_cohort(
    kept: str, hangs_up: bool, request: pytest.FixtureRequest
) -> None:
    session = request.getfixturevalue(kept).start(0).session
    session.drain()

    session.page_hidden(101.0)  # an older library does not listen to it

    assert bool(session.drain()) is hangs_up


def test_finishing_closes_every_page_and_sends_the_last_of_the_record_once(
    carrying: Carrying, tmp_path: Path
) -> None:
    drivers = [carrying.start(index) for index in range(2)]
    assert not carrying.generator.stopping.is_set()

    carrying.generator.finish()
    carrying.generator.finish()

    assert carrying.generator.stopping.is_set()
    assert [driver.stops for driver in drivers] == [1, 1]
    blocks = carrying.blocks()
    assert [each.last for each in blocks] == [False] * (len(blocks) - 1) + [True]
    events = record_of(blocks, tmp_path)
    assert isinstance(events[-1], RecordEnded)
    assert [type(event).__name__ for event in events].count("PageClosed") == 2


def test_the_record_begins_with_what_the_process_weighs_before_its_first_user(
    carrying: Carrying, tmp_path: Path
) -> None:
    carrying.start(0)
    carrying.generator.finish()

    samples = [type(event) for event in record_of(carrying.blocks(), tmp_path)]
    assert samples[0] is RigSample
    assert PageOpened in samples[1:]


def test_records_are_sent_in_numbered_messages_and_nothing_is_sent_where_there_is_nothing(
    carrying: Carrying, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.0)
    monkeypatch.setattr(module, "SAMPLE_S", 1000.0)
    often = Carrying()
    often.start(0)
    _until(lambda: len(often.blocks()) == 1)
    often.start(1)
    _until(lambda: len(often.blocks()) == 2)
    flushes = len(often.runner.of("chatquake.status"))
    _until(lambda: len(often.runner.of("chatquake.status")) > flushes + 2)
    assert len(often.blocks()) == 2
    often.generator.finish()

    blocks = often.blocks()
    assert [each.number for each in blocks] == list(range(1, len(blocks) + 1))
    assert {each.process for each in blocks} == {"load-0"}
    record_of(blocks, tmp_path)


def test_the_status_counts_open_pages_and_sends(
    carrying: Carrying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.0)
    often = Carrying()
    drivers = [often.start(index) for index in range(3)]
    drivers[0].session.type_message(0, "message-1", "hello", 100.0, 100.0)
    drivers[2].stop()
    _until(lambda: bool(often.runner.of("chatquake.status")))
    status = msgspec.convert(often.runner.of("chatquake.status")[-1].data, Status)
    often.generator.finish()

    assert (status.process, status.users_open, status.users_live) == ("load-0", 2, 0)
    assert (status.sends, status.send_timeouts) == (1, 0)


def test_a_crash_of_a_user_is_sent_with_its_trace(carrying: Carrying) -> None:
    driver = carrying.start(2)
    try:
        raise KeyError("x")
    except KeyError as error:
        driver.on_crash(2, error)
    gevent.sleep(0)

    (sent,) = carrying.runner.of("chatquake.crash")
    assert sent.data["text"] == "user 2 in process load-0 crashed: KeyError: 'x'"
    assert "Traceback" in sent.data["trace"]


def _until(condition: Callable[[], bool]) -> None:
    """Let the chores run; a thousand turns are far more than any needs."""
    for _ in range(1000):
        if condition():
            return
        gevent.sleep(0)
    raise AssertionError("it never came")
