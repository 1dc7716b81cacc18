"""The door is shut."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Disable, Evidence, Means, Setting, Stage, steady
from harness.runsettings import Text


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The proxy is disabled: open sockets close on both sides, new connects get ECONNREFUSED."""

    kind: ClassVar[str] = "refused"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = True

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002
        """Disabling knows neither names nor shares; the argument is the protocol's."""
        return steady(Disable())

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("ws", "http", "connect")),
            outcomes=frozenset(("refused", "closed")),
            cuts_sockets="all",
        )

    def sentence(self) -> Text:
        return Text(
            en="The connection is cut, and every new attempt is refused at once.",
            ko="연결이 끊기고, 다시 연결하려 해도 곧바로 거부됩니다.",
        )
