"""Whole users against the reference server, where what it gets wrong is what the library minds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest

from harness.client.bindings import MISMATCH
from harness.client.library import LIBRARIES, Library
from harness.client.policy import Policy
from harness.client.session import Identity, Session
from harness.records import ChannelChanged
from harness.tokens import mint_anon
from tests.harness.drivers.test_user_driver import Driven, driven
from tests.harness.server.builders import SECRET
from tests.harness.server.running import Server, running, token
from tests.support.page import ListSink
from tests.support.tiny_servers import until

pytestmark = pytest.mark.e2e

ANEW = Policy(name="made anew", recreate_delay_s=0.05)
GIVEN_UP = ["joining", "closed", "errored"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    quick = ("--knob", "system_ok_delay_s=0", "--knob", "poll_interval_s=0")
    with running(tmp_path_factory.mktemp("server") / "chat.db", *quick) as server:
        yield server


@contextmanager
def planted(server: Server, *defects: str) -> Iterator[None]:
    plant(server, defects)
    try:
        yield
    finally:
        plant(server, ())


def plant(server: Server, defects: Sequence[str]) -> None:
    wanted = {"defects": list(defects)}
    httpx.patch(f"{server.admin_url}/switches", json=wanted, trust_env=False).raise_for_status()


@contextmanager
def user(server: Server, policy: Policy, library: Library) -> Iterator[Driven]:
    sink = ListSink()
    identity = Identity(
        user=1,
        user_id="u",
        webinar=42,
        cohort="all",
        seed=7,
        api_key=mint_anon(SECRET, issued_at_unix_s=int(time.time())),
        token=token(),
        library=library,
    )
    with driven(server.realtime_port, session=Session(identity, policy, sink)) as one:
        one.sink = sink
        yield one


def statuses(one: Driven) -> list[str]:
    return [change.status for change in one.events(ChannelChanged)]


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())
def test_other_bindings_end_the_channel_until_one_that_is_made_anew_does_better(
    server: Server, library: Library
) -> None:
    with planted(server, "binding-mismatch"), user(server, ANEW, library) as one:
        until(lambda: len(statuses(one)) >= 6)
        plant(server, ())
        until(lambda: one.driver.session.is_live)

    assert statuses(one)[:6] == GIVEN_UP * 2
    assert one.events(ChannelChanged)[2].reason == MISMATCH
    assert one.crashes == []


@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())
def test_other_bindings_leave_an_app_that_does_nothing_to_its_polls(
    server: Server, library: Library
) -> None:
    dead = Policy(name="dead", recreate_channel=False, fallback_after_silence_s=0.3)
    with planted(server, "binding-mismatch"), user(server, dead, library) as one:
        until(lambda: one.driver.session.is_polling)
        assert not one.driver.session.is_live
        assert statuses(one) == GIVEN_UP
