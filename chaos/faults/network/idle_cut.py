"""A connection that says nothing is taken away."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, on_relay, steady
from chaos.relay.rules import Ending, Idleness
from harness.runsettings import Text


class IdleCut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connection is ended when no byte has passed for ``idle_s`` in either direction.

    Those that have been silent for longer when the fault begins are ended at once. A WebSocket
    whose heartbeat is shorter (25 s in realtime-js) is never idle; one of a hidden tab may be, and
    so is a kept connection to the API. ``ending`` is what the server gets, as with ``ttl``.
    """

    kind: ClassVar[str] = "idle_cut"
    means: ClassVar[Means] = "relay"
    disables: ClassVar[bool] = False

    idle_s: Annotated[
        float, msgspec.Meta(ge=0.5, le=300, description="seconds from 0.5 to 300, less than for_s")
    ]
    ending: Annotated[Ending, msgspec.Meta(description="fin or rst")] = "fin"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        if self.idle_s >= setting.for_s:
            raise ValueError(
                f"idle_s = {self.idle_s:g} is never reached within for_s = {setting.for_s:g}"
            )
        return steady(on_relay(setting, Idleness(idle_s=self.idle_s, ending=self.ending)))

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("idle",)),
            outcomes=frozenset(("closed",)),
            bites_every_s=self.idle_s,
            silent_s=self.idle_s,
        )

    def sentence(self) -> Text:
        return Text(
            en=f"A connection on which nothing is said for {self.idle_s:g} s is cut.",
            ko=f"{self.idle_s:g}초 동안 아무것도 오가지 않은 연결이 끊깁니다.",
        )
