"""All kinds of fault, by the name that a scenario uses."""

from __future__ import annotations

from chaos.faults.browser.asleep import Asleep
from chaos.faults.browser.extension import Extension
from chaos.faults.browser.frozen import Frozen
from chaos.faults.browser.hidden import Hidden
from chaos.faults.browser.network_switch import NetworkSwitch
from chaos.faults.browser.offline import Offline
from chaos.faults.browser.post_repeated import PostRepeated
from chaos.faults.model import Fault
from chaos.faults.network.bandwidth import Bandwidth
from chaos.faults.network.black_hole import BlackHole
from chaos.faults.network.cut_after import CutAfter
from chaos.faults.network.flapping import Flapping
from chaos.faults.network.half_open import HalfOpen
from chaos.faults.network.handshake_hangs import HandshakeHangs
from chaos.faults.network.idle_cut import IdleCut
from chaos.faults.network.latency import Latency
from chaos.faults.network.loss import Loss
from chaos.faults.network.refused import Refused
from chaos.faults.network.reset import Reset
from chaos.faults.network.sliced import Sliced
from chaos.faults.network.slow_close import SlowClose
from chaos.faults.network.stalled_connections import StalledConnections
from chaos.faults.network.ttl import Ttl
from chaos.faults.network.upgrade_page import UpgradePage
from chaos.faults.network.upgrade_refused import UpgradeRefused
from chaos.faults.network.upgrade_stripped import UpgradeStripped
from chaos.faults.server.clock_skew import ClockSkew
from chaos.faults.server.empty_body import EmptyBody
from chaos.faults.server.error_burst import ErrorBurst
from chaos.faults.server.hang import Hang
from chaos.faults.server.html_page import HtmlPage
from chaos.faults.server.id_gap import IdGap
from chaos.faults.server.kill import Kill
from chaos.faults.server.late_system_ok import LateSystemOk
from chaos.faults.server.mute import Mute
from chaos.faults.server.quota import Quota
from chaos.faults.server.restart import Restart
from chaos.faults.server.server import ServerSwitches
from chaos.faults.server.slow_commit import SlowCommit
from chaos.faults.server.token_revoked import TokenRevoked

CATALOGUE: dict[str, type[Fault]] = {
    Refused.kind: Refused,
    HalfOpen.kind: HalfOpen,
    BlackHole.kind: BlackHole,
    Latency.kind: Latency,
    Reset.kind: Reset,
    Flapping.kind: Flapping,
    Loss.kind: Loss,
    Bandwidth.kind: Bandwidth,
    Sliced.kind: Sliced,
    CutAfter.kind: CutAfter,
    SlowClose.kind: SlowClose,
    Ttl.kind: Ttl,
    IdleCut.kind: IdleCut,
    StalledConnections.kind: StalledConnections,
    HandshakeHangs.kind: HandshakeHangs,
    UpgradeRefused.kind: UpgradeRefused,
    UpgradePage.kind: UpgradePage,
    UpgradeStripped.kind: UpgradeStripped,
    Extension.kind: Extension,
    Offline.kind: Offline,
    Hidden.kind: Hidden,
    Asleep.kind: Asleep,
    Frozen.kind: Frozen,
    NetworkSwitch.kind: NetworkSwitch,
    PostRepeated.kind: PostRepeated,
    Mute.kind: Mute,
    LateSystemOk.kind: LateSystemOk,
    SlowCommit.kind: SlowCommit,
    IdGap.kind: IdGap,
    ErrorBurst.kind: ErrorBurst,
    HtmlPage.kind: HtmlPage,
    EmptyBody.kind: EmptyBody,
    Hang.kind: Hang,
    Quota.kind: Quota,
    TokenRevoked.kind: TokenRevoked,
    ClockSkew.kind: ClockSkew,
    Restart.kind: Restart,
    Kill.kind: Kill,
    ServerSwitches.kind: ServerSwitches,
}

OF_UPGRADES = (HandshakeHangs, UpgradeRefused, UpgradePage, UpgradeStripped)
"""Kinds for the Realtime side alone: nothing else opens a WebSocket."""
