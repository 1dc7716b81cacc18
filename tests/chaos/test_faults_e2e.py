"""Every kind of fault of the network on the real Toxiproxy, with the real relay behind it where the
fault needs one, from its TOML table to its receipt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from chaos.actuators.proxies import ProxyActuator
from chaos.actuators.relay import RelayActuator
from chaos.canary import watch
from chaos.canary_needs import canary_settings
from chaos.director import Director
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault, proxies_of
from chaos.history import HistoryEntry
from chaos.lines import Target
from chaos.receipts import receipts
from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.process import relay
from chaos.timeline import plan, validate
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.install import ToxiproxySettings, find_toxiproxy
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import start_toxiproxy
from harness.clock import monotonic_s
from harness.receipts import Probe, Receipt
from tests.support.echo_servers import api_server, realtime_server

pytestmark = pytest.mark.e2e

_BEFORE_S = 1.5
"""The canary's start, so that it knows what is usual."""
_AFTER_S = 3.0


@dataclass
class _Run:
    faults: tuple[ScheduledFault, ...]
    load_begins_at_s: float = 0.0
    history: list[HistoryEntry] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    left: dict[str, Proxy] = field(default_factory=dict)
    """The proxies as they were after the director had ended."""
    left_rules: dict[str, int] = field(default_factory=dict)
    """How many rules each listener of the relay had then."""

    def receipts(self) -> dict[str, Receipt]:
        found = receipts(
            self.faults, self.history, self.probes, load_begins_at_s=self.load_begins_at_s
        )
        return {receipt.fault: receipt for receipt in found}


@dataclass(frozen=True)
class _Rig:
    toxiproxy: ToxiproxyClient
    relay: RelayClient
    targets: list[Target]


@asynccontextmanager
async def _rig(
    folder: Path, cohorts: Sequence[str], faults: Sequence[ScheduledFault]
) -> AsyncIterator[_Rig]:
    """A Toxiproxy of our own with both proxies of each cohort, in front of two tiny servers; the
    relay between them for the proxies of its faults."""
    relayed = {name for fault in faults if fault.fault.means == "relay" for name in fault.proxies}
    location = os.environ.get("CHATQUAKE_TOXIPROXY", "")
    found = await asyncio.to_thread(
        find_toxiproxy, ToxiproxySettings(location=location), lambda line: None
    )
    assert found.path is not None, "this test breaks proxies: give it a binary, not a server"
    async with (
        realtime_server() as realtime,
        api_server() as api,
        await start_toxiproxy(found.path, folder / "toxiproxy.log") as process,
        ToxiproxyClient(process.url) as client,
        relay(
            [
                Route(name=name, host="127.0.0.1", port=api if name.endswith("-api") else realtime)
                for name in sorted(relayed)
            ],
            folder / "relay.log",
        ) as relaying,
        RelayClient(relaying.url) as relay_client,
    ):
        targets = []
        for cohort in cohorts:
            for side, upstream in (("api", api), ("realtime", realtime)):
                name = f"{cohort}-{side}"
                behind = relaying.ports.get(name, upstream)
                made = await client.create(
                    Proxy(name=name, listen="127.0.0.1:0", upstream=f"127.0.0.1:{behind}")
                )
                host, _, port = made.listen.rpartition(":")
                targets.append(
                    Target(
                        proxy=made.name,
                        side="api" if side == "api" else "realtime",
                        host=host,
                        port=int(port),
                    )
                )
        yield _Rig(client, relay_client, targets)


async def _play(
    folder: Path,
    cohorts: tuple[str, ...],
    tables: Sequence[Mapping[str, Any]],
    *,
    links: int | None = None,
    cancel_after_s: float | None = None,
) -> _Run:
    """Play the faults with the canary watching, and a while before and after."""
    run = _Run(parse_faults(tables, where="test", cohorts=cohorts, seed=1))
    validate(run.faults, where="test", load_s=60)
    settings = canary_settings(run.faults, "key")
    if links is not None:
        settings = replace(settings, links=links)
    async with _rig(folder, cohorts, run.faults) as rig:
        canary = asyncio.create_task(
            watch(rig.targets, settings, clock=monotonic_s, sink=run.probes.append)
        )
        await asyncio.sleep(_BEFORE_S)
        run.load_begins_at_s = monotonic_s()
        director = Director(
            {"toxiproxy": ProxyActuator(rig.toxiproxy), "relay": RelayActuator(rig.relay)},
            clock=monotonic_s,
            report=run.history.append,
        )
        playing = asyncio.create_task(
            director.play(plan(run.faults), load_begins_at_s=run.load_begins_at_s)
        )
        await asyncio.wait({playing}, timeout=cancel_after_s)
        playing.cancel()
        await asyncio.wait({playing})
        if not playing.cancelled():
            playing.result()
        run.left = await rig.toxiproxy.proxies()
        run.left_rules = {each.name: len(each.rules) for each in await rig.relay.listeners()}
        await asyncio.sleep(_AFTER_S)
        canary.cancel()
        await asyncio.wait({canary})
    return run


def _table(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "on": "both", "at_s": 0.5, "for_s": 2.0, **more}


KINDS: dict[str, dict[str, Any]] = {
    "refused": {},
    "half_open": {},
    "black_hole": {},
    "latency": {"latency_ms": 300, "jitter_ms": 50},
    "reset": {},
    "ttl": {"ttl_s": 0.8},
    "idle_cut": {"idle_s": 0.8},
    "stalled_connections": {},
    "handshake_hangs": {"on": "realtime"},
    "upgrade_refused": {"on": "realtime", "status": 503},
    "upgrade_page": {"on": "realtime"},
    "upgrade_stripped": {"on": "realtime", "open_sockets": "kept"},
}


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> _Run:
    """All kinds at once, each on a cohort of its own, and a cohort without any."""
    tables = [_table(kind, kind, cohorts=[kind], **more) for kind, more in KINDS.items()]
    folder = tmp_path_factory.mktemp("side-by-side")
    return asyncio.run(_play(folder, (*KINDS, "untouched"), tables))


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_each_kind_leaves_a_sound_receipt(side_by_side: _Run, kind: str) -> None:
    receipt = side_by_side.receipts()[kind]
    assert receipt.problems == ()


@pytest.mark.parametrize("kind", KINDS)
def test_the_edges_of_a_receipt_are_those_of_the_request(side_by_side: _Run, kind: str) -> None:
    receipt = side_by_side.receipts()[kind]
    edges = (
        receipt.requested_s,
        receipt.first_effect_s,
        receipt.last_effect_s,
        receipt.heal_applied_s,
        receipt.healed_s,
    )
    assert None not in edges
    requested_s, first_s, last_s, heal_applied_s, healed_s = (edge or 0 for edge in edges)
    assert requested_s <= first_s <= requested_s + 1
    assert heal_applied_s - 1 <= last_s < healed_s <= heal_applied_s + 2


def test_nobody_else_is_hit(side_by_side: _Run) -> None:
    seen = [p for p in side_by_side.probes if p.proxy in proxies_of("untouched", "both")]
    assert {probe.kind for probe in seen} == {"ws", "http", "connect", "handshake"}
    assert {probe.outcome for probe in seen} == {"ok"}


def test_the_proxies_are_clean_after_the_run(side_by_side: _Run) -> None:
    assert all(proxy.enabled and not proxy.toxics for proxy in side_by_side.left.values())
    assert set(side_by_side.left_rules.values()) == {0}


def test_each_kind_shows_what_it_does_to_a_live_socket(side_by_side: _Run) -> None:
    found = {name: receipt.effect.en for name, receipt in side_by_side.receipts().items()}
    assert "connect refused" in found["refused"]
    assert "socket late" in found["half_open"]
    assert "closed" not in found["half_open"]
    assert "socket closed" in found["black_hole"]
    assert "socket late" in found["latency"]
    assert "socket closed" in found["reset"]
    assert "connect" not in found["reset"]
    assert "socket closed" in found["ttl"]
    assert "request closed" in found["ttl"]
    assert "idle connection closed" in found["idle_cut"]
    assert "socket late" in found["stalled_connections"]
    assert "closed" not in found["stalled_connections"]
    assert "handshake late" in found["handshake_hangs"]  # the end answered it
    for kind in ("upgrade_refused", "upgrade_page"):
        assert "handshake failed" in found[kind]
        assert "socket closed" in found[kind]
    assert "handshake failed" in found["upgrade_stripped"]
    assert "socket" not in found["upgrade_stripped"]  # where open ones are kept


def test_faults_that_overlap_or_follow_each_other_have_sound_receipts(tmp_path: Path) -> None:
    tables = [
        _table("slow", "latency", for_s=4.0, latency_ms=150),
        _table("silent", "half_open", at_s=1.5, for_s=1.5),
        _table("shut", "refused", at_s=4.5),
        _table("shut#2", "refused", at_s=9.0, for_s=1.0),
    ]
    found = asyncio.run(_play(tmp_path, ("chrome",), tables)).receipts()
    assert {name: receipt.problems for name, receipt in found.items()} == dict.fromkeys(found, ())


def test_a_fault_that_comes_on_by_degrees_is_proved_from_its_first_step_to_its_end(
    tmp_path: Path,
) -> None:
    slow = _table("slow", "latency", for_s=5.0, latency_ms=800, ramp_s=4.0, ramp_steps=4)
    run = asyncio.run(_play(tmp_path, ("chrome",), [slow]))
    receipt = run.receipts()["slow"]
    assert receipt.problems == ()
    confirmed_s = [e.t_s for e in run.history if e.what in ("applied", "changed")]
    assert len(confirmed_s) == 4
    answered = 0
    for step, begin_s in enumerate(confirmed_s, start=1):
        next_s = run.load_begins_at_s + 0.5 + step  # an update lets the chunk that is held go
        for probe in run.probes:
            if (probe.proxy, probe.kind, probe.outcome) != ("chrome-realtime", "ws", "ok"):
                continue
            if begin_s <= probe.sent_s and (probe.answered_s or next_s) < next_s:
                answered += 1
                assert (probe.answered_s or 0) - probe.sent_s >= step * 2 * 0.2
    assert answered


def test_a_share_of_the_connections_is_proved_with_several_links(tmp_path: Path) -> None:
    tables = [_table("some", "half_open", share=0.5, for_s=3.0)]
    run = asyncio.run(_play(tmp_path, ("chrome",), tables, links=8))
    receipt = run.receipts()["some"]
    assert receipt.problems == ()
    within = [p for p in run.probes if p.kind == "ws" and _during(p, receipt)]
    late = [p for p in within if (p.answered_s or 0) - p.sent_s > 0.2]
    assert late


def _during(probe: Probe, receipt: Receipt) -> bool:
    return (receipt.first_effect_s or 0) <= probe.sent_s <= (receipt.last_effect_s or 0)


def test_a_cancelled_run_heals_and_proves_it(tmp_path: Path) -> None:
    tables = [
        _table("silent", "half_open", cohorts=["chrome"], for_s=50),
        _table("shut", "refused", cohorts=["incognito"], for_s=50),
        _table("later", "reset", at_s=55, for_s=2),
    ]
    run = asyncio.run(_play(tmp_path, ("chrome", "incognito"), tables, cancel_after_s=2.5))
    found = run.receipts()
    assert all(proxy.enabled and not proxy.toxics for proxy in run.left.values())
    assert found["silent"].problems == found["shut"].problems == ()
    assert [problem.en for problem in found["later"].problems] == ["it was never requested"]
