"""No connection lives longer than so long."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, on_relay, steady
from chaos.relay.rules import Ending, Lifetime
from harness.runsettings import Text


class Ttl(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every connection is ended when it is ``ttl_s`` old, counted from its own begin.

    Those that are older when the fault begins are ended at once. So do company proxies and load
    balancers. The client gets a FIN in any case, since Toxiproxy passes no RST on; ``ending`` is
    what the server gets.
    """

    kind: ClassVar[str] = "ttl"
    means: ClassVar[Means] = "relay"
    disables: ClassVar[bool] = False

    ttl_s: Annotated[
        float,
        msgspec.Meta(ge=0.5, le=86_400, description="seconds from 0.5, less than for_s"),
    ]
    ending: Annotated[Ending, msgspec.Meta(description="fin or rst")] = "fin"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        if self.ttl_s >= setting.for_s:
            raise ValueError(
                f"ttl_s = {self.ttl_s:g} is never reached within for_s = {setting.for_s:g}"
            )
        return steady(on_relay(setting, Lifetime(ttl_s=self.ttl_s, ending=self.ending)))

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("ws", "http")),
            outcomes=frozenset(("closed",)),
            bites_every_s=self.ttl_s,
        )

    def sentence(self) -> Text:
        return Text(
            en=f"Every connection is cut when it is {self.ttl_s:g} s old.",
            ko=f"모든 연결이 {self.ttl_s:g}초가 되면 끊깁니다.",
        )
