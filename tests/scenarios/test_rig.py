"""The rig: who connects where, and what is left of it afterwards."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import psutil
import pytest

from chaos.faults.parse import parse_faults
from chaos.lines import Target
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.install import ToxiproxySettings, find_toxiproxy
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import start_toxiproxy
from harness.client.token_refresh import REFRESH_PATH
from harness.errors import UsageError
from harness.rundir import RunDir
from harness.tokens import mint_anon, user_uuid
from scenarios.accounts import account_lines, refresh_tokens
from scenarios.lanes import Lane, Side
from scenarios.messages import Address, CohortEndpoints
from scenarios.model import Scenario
from scenarios.rig import Rig, start_rig
from tests.support.fake_runtime import small_scenario

SECRET = "a-secret-of-at-least-thirty-two-bytes"
WITHIN_S = 30.0

LISTENS: dict[tuple[str, Side], str] = {
    ("chrome", "api"): "127.0.0.1:3001",
    ("chrome", "realtime"): "127.0.0.1:4001",
    ("incognito", "api"): "[::1]:3002",
    ("incognito", "realtime"): "[::1]:4002",
}


def rig_of(listens: dict[tuple[str, Side], str]) -> Rig:
    """A rig of which only the proxies are there."""
    absent = cast(Any, None)
    proxies = {
        (cohort, side): Proxy(name=f"{cohort}-{side}", listen=listen, upstream="127.0.0.1:1")
        for (cohort, side), listen in listens.items()
    }
    return Rig(
        server=absent,
        lanes=(
            Lane(
                toxiproxy=absent,
                toxiproxy_version="2.12.0 (PATH)",
                toxiproxy_pid=None,
                proxies=proxies,
            ),
        ),
        ended=absent,
    )


def test_each_cohort_connects_to_its_own_pair_of_proxies() -> None:
    assert rig_of(LISTENS).endpoints == {
        "chrome": (
            CohortEndpoints(api=Address("127.0.0.1", 3001), realtime=Address("127.0.0.1", 4001)),
        ),
        "incognito": (CohortEndpoints(api=Address("::1", 3002), realtime=Address("::1", 4002)),),
    }


def test_the_canary_probes_every_proxy_by_its_side() -> None:
    assert rig_of(LISTENS).targets == [
        Target(proxy="chrome-api", side="api", host="127.0.0.1", port=3001),
        Target(proxy="chrome-realtime", side="realtime", host="127.0.0.1", port=4001),
        Target(proxy="incognito-api", side="api", host="::1", port=3002),
        Target(proxy="incognito-realtime", side="realtime", host="::1", port=4002),
    ]


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir.create(tmp_path / "run")


@pytest.fixture
def two_cohorts() -> Scenario:
    base = small_scenario()
    cohorts = tuple(
        msgspec.structs.replace(base.cohorts[0], name=name, share=0.5) for name in ("a", "b")
    )
    return msgspec.structs.replace(base, cohorts=cohorts)


@pytest.fixture
def no_children_left() -> Iterator[None]:
    before = _children()
    yield
    _, alive = psutil.wait_procs(
        [one for one in _children() if before.isdisjoint(_line_of(one))], timeout=WITHIN_S
    )
    assert alive == []


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _line_of(process: psutil.Process) -> set[psutil.Process]:
    """The process and those that it comes from; a browser of other tests has children too."""
    try:
        return {process, *process.parents()}
    except psutil.NoSuchProcess:
        return {process}


def start(stack: AsyncExitStack, scenario: Scenario, run: RunDir, *, lanes: int = 1) -> Any:
    return start_rig(stack, scenario, run, jwt_secret=SECRET, say=lambda _line: None, lanes=lanes)


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_a_started_rig_has_its_proxies_before_its_server_and_is_gone_afterwards(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATQUAKE_TOXIPROXY", raising=False)

    async def scene() -> None:
        async with AsyncExitStack() as stack:
            rig: Rig = await start(stack, two_cohorts, run)
            (lane,) = rig.lanes
            assert lane.toxiproxy_pid is not None
            assert psutil.pid_exists(lane.toxiproxy_pid)
            for (_, side), proxy in lane.proxies.items():
                ports = {"api": rig.server.api_port, "realtime": rig.server.realtime_port}
                assert proxy.upstream == f"{rig.server.host}:{ports[side]}"
            assert set(rig.endpoints) == {"a", "b"}
            assert len({(each.host, each.port) for each in rig.targets}) == 4
            assert not rig.ended.done()

    asyncio.run(scene())


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_where_tokens_end_the_server_issues_such_tokens_and_signs_every_user_in(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATQUAKE_TOXIPROXY", raising=False)
    scenario = msgspec.structs.replace(two_cohorts, access_token_lifetime_s=35)

    async def scene() -> tuple[tuple[str, ...], httpx.Response]:
        async with AsyncExitStack() as stack:
            rig: Rig = await start(stack, scenario, run)
            answer = await rig.server.accounts(account_lines(scenario))
            tokens = refresh_tokens(answer, scenario.load.users)
            key = mint_anon(SECRET, issued_at_unix_s=int(time.time()))
            through = rig.endpoints["a"][0].realtime
            async with httpx.AsyncClient(base_url=f"http://{through.host}:{through.port}") as web:
                return tokens, await web.post(
                    REFRESH_PATH, json={"refresh_token": tokens[1]}, headers={"apikey": key}
                )

    tokens, renewed = asyncio.run(scene())

    assert len(set(tokens)) == scenario.load.users
    assert renewed.status_code == 200
    assert renewed.json()["expires_in"] == 35
    assert renewed.json()["user"]["id"] == user_uuid(scenario.seed, 1)


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_a_part_that_dies_is_named_by_the_rig(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATQUAKE_TOXIPROXY", raising=False)

    async def scene() -> str:
        async with AsyncExitStack() as stack:
            rig: Rig = await start(stack, two_cohorts, run)
            psutil.Process(rig.pids["toxiproxy"]).kill()
            return await asyncio.wait_for(rig.ended, WITHIN_S)

    said = asyncio.run(scene())
    assert said.startswith("Toxiproxy ended with code ")
    assert "\n" not in said


def _with_faults(scenario: Scenario, *tables: dict[str, Any]) -> Scenario:
    common = {"at_s": 1, "for_s": 5}
    cohorts = tuple(cohort.name for cohort in scenario.cohorts)
    faults = parse_faults(
        [{**common, "name": f"f{number}", **table} for number, table in enumerate(tables)],
        where="x.toml",
        cohorts=cohorts,
        seed=1,
    )
    return msgspec.structs.replace(scenario, faults=faults)


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_the_relay_is_behind_the_proxies_whose_faults_need_it_and_nobody_else(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATQUAKE_TOXIPROXY", raising=False)
    scenario = _with_faults(
        two_cohorts,
        {"kind": "upgrade_page", "on": "realtime", "cohorts": ["a"]},
        {"kind": "refused", "on": "both"},
    )

    async def scene() -> None:
        async with AsyncExitStack() as stack:
            rig: Rig = await start(stack, scenario, run)
            (lane,) = rig.lanes
            assert lane.relay is not None
            (listener,) = await lane.relay.listeners()
            assert listener.name == "a-realtime"
            ports = {"api": rig.server.api_port, "realtime": rig.server.realtime_port}
            straight = {
                key
                for key, proxy in lane.proxies.items()
                if proxy.upstream == f"{rig.server.host}:{ports[key[1]]}"
            }
            assert straight == {("a", "api"), ("b", "api"), ("b", "realtime")}
            psutil.Process(rig.pids["relay"]).kill()
            said = await asyncio.wait_for(rig.ended, WITHIN_S)
            assert said == "the relay ended with code -9; see logs/relay.log"

    asyncio.run(scene())


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_a_second_lane_has_a_toxiproxy_and_a_relay_of_its_own_and_every_proxy_once_more(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATQUAKE_TOXIPROXY", raising=False)
    fault = {"kind": "upgrade_page", "on": "realtime", "cohorts": ["a"]}

    async def scene() -> None:
        async with AsyncExitStack() as stack:
            rig: Rig = await start(stack, _with_faults(two_cohorts, fault), run, lanes=2)
            assert set(rig.pids) == {"toxiproxy", "relay", "toxiproxy-2", "relay-2"}
            assert len(set(rig.pids.values())) == 4
            first, second = rig.lanes
            names = {proxy.name for proxy in second.proxies.values()}
            assert names == {"a-api.2", "a-realtime.2", "b-api.2", "b-realtime.2"}
            assert second.relay is not None
            (listener,) = await second.relay.listeners()
            assert listener.name == "a-realtime.2"
            assert rig.endpoints["b"] == (first.endpoints("b"), second.endpoints("b"))
            assert len({(each.host, each.port) for each in rig.targets}) == 8
            psutil.Process(rig.pids["toxiproxy-2"]).kill()
            said = await asyncio.wait_for(rig.ended, WITHIN_S)
            assert said.startswith("Toxiproxy ended with code ")
            assert said.endswith("see logs/toxiproxy-2.log")

    asyncio.run(scene())


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_a_rig_whose_faults_need_no_relay_has_none(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHATQUAKE_TOXIPROXY", raising=False)

    async def scene() -> None:
        async with AsyncExitStack() as stack:
            rig: Rig = await start(stack, two_cohorts, run)
            (lane,) = rig.lanes
            assert (lane.relay, lane.relay_pid) == (None, None)

    asyncio.run(scene())


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_somebody_else_s_toxiproxy_is_left_as_it_was(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def scene() -> None:
        found = find_toxiproxy(ToxiproxySettings(), lambda _line: None)
        assert found.path is not None
        async with (
            await start_toxiproxy(found.path, tmp_path / "theirs.log") as theirs,
            ToxiproxyClient(theirs.url) as client,
        ):
            monkeypatch.setenv("CHATQUAKE_TOXIPROXY", theirs.url)
            await client.create(Proxy(name="theirs", listen="127.0.0.1:0", upstream="127.0.0.1:9"))
            async with AsyncExitStack() as stack:
                rig: Rig = await start(stack, two_cohorts, run, lanes=2)
                (lane,) = rig.lanes  # however many were asked for
                assert rig.pids == {}
                assert lane.toxiproxy_version.endswith(", settings")
                assert len(await client.proxies()) == 5
            assert set(await client.proxies()) == {"theirs"}

    asyncio.run(scene())


@pytest.mark.e2e
@pytest.mark.usefixtures("no_children_left")
def test_a_rig_that_cannot_have_a_toxiproxy_leaves_no_server(
    run: RunDir, two_cohorts: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATQUAKE_TOXIPROXY", os.devnull)

    async def scene() -> None:
        async with AsyncExitStack() as stack:
            with pytest.raises(UsageError, match="CHATQUAKE_TOXIPROXY"):
                await start(stack, two_cohorts, run)

    asyncio.run(scene())
