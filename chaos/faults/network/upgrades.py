"""What the faults of a WebSocket's opening request have in common; in a browser all look the same:
``error``, then ``close`` 1006."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from chaos.faults.model import Evidence, Setting, Stage, on_relay, steady
from chaos.relay.rules import Hang, Page, Refuse, Strip, Upgrades
from harness.receipts import ProbeKind, ProbeOutcome
from harness.runsettings import Text

OpenSockets = Annotated[
    Literal["cut", "kept"],
    msgspec.Meta(description="cut (they are closed when it begins) or kept (they live on)"),
]
"""What becomes of the WebSockets that are open when it begins. A filter that is switched on
usually leaves them; cutting them shows at once what everybody has who opens the page now."""


def upgrade_stages(
    setting: Setting, outcome: Refuse | Page | Strip | Hang, open_sockets: OpenSockets
) -> tuple[Stage, ...]:
    return steady(on_relay(setting, Upgrades(outcome=outcome, cut_open=open_sockets == "cut")))


def upgrade_evidence(
    *outcomes: ProbeOutcome, open_sockets: OpenSockets, slower_by_s: float | None = None
) -> Evidence:
    """New handshakes show it; the canary's kept WebSocket only where that is cut."""
    kinds: set[ProbeKind] = {"handshake"}
    ends = set(outcomes)
    if open_sockets == "cut":
        kinds.add("ws")
        ends.add("closed")
    return Evidence(kinds=frozenset(kinds), outcomes=frozenset(ends), slower_by_s=slower_by_s)


def upgrade_sentence(what: Text, open_sockets: OpenSockets) -> Text:
    if open_sockets == "cut":
        return Text(
            en=f"The open live connections are cut; {what.en}.",
            ko=f"열려 있던 실시간 연결이 끊기고, {what.ko}.",
        )
    return Text(
        en=f"Open live connections go on; {what.en}.",
        ko=f"열려 있는 실시간 연결은 유지되지만, {what.ko}.",
    )
