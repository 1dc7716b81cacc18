"""The door is shut, open, and shut again."""

from __future__ import annotations

from random import Random
from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Disable, Evidence, Means, Setting, Stage
from harness.runsettings import Text

Period = Annotated[float, msgspec.Meta(ge=0.1, le=86_400, description="seconds from 0.1 to 86400")]


class Flapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Periods of ``refused``, with good ones between: a lift, a train, a loose cable.

    It begins with ``down_s``. Each period is longer or shorter by up to ``spread_s``, drawn
    from the scenario's seed, so that nobody's timer stays in step with it.
    """

    kind: ClassVar[str] = "flapping"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = True

    down_s: Period
    up_s: Period
    spread_s: Annotated[
        float, msgspec.Meta(ge=0, le=86_400, description="seconds below down_s and up_s")
    ] = 0.0

    def __post_init__(self) -> None:
        shortest_s = min(self.down_s, self.up_s)
        if self.spread_s > max(0.0, shortest_s - 0.1):
            raise ValueError(
                f"spread_s = {self.spread_s:g} leaves less than 0.1 s of the shorter period"
                f" ({shortest_s:g} s)"
            )

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        found: list[Stage] = []
        after_s, down = 0.0, True
        while after_s < setting.for_s:
            found.append(Stage(after_s, (Disable(),) if down else ()))
            period_s = self._period_s(self.down_s if down else self.up_s, setting.rng)
            after_s = round(after_s + period_s, 3)
            down = not down
        return tuple(found)

    def _period_s(self, usual_s: float, rng: Random) -> float:
        return usual_s + rng.uniform(-self.spread_s, self.spread_s)

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("ws", "http", "connect")), outcomes=frozenset(("refused", "closed"))
        )

    def sentence(self) -> Text:
        en = f"The connection is cut and refused for {self.down_s:g} s, works for {self.up_s:g} s"
        ko = f"{self.down_s:g}초 동안 연결이 끊기고 거부되었다가 {self.up_s:g}초 동안 정상인 일이"
        if self.spread_s:
            en += f" (give or take {self.spread_s:g} s)"
            ko = f"{ko} (±{self.spread_s:g}초)"
        return Text(en=f"{en}, and so on.", ko=f"{ko} 되풀이됩니다.")
