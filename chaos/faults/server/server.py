"""Any switch of the server."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec

from chaos.faults.model import SWITCHED, Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned, checked
from harness.errors import UsageError
from harness.runsettings import Text
from harness.server.knobs import Knobs


class ServerSwitches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The named ``knobs`` have the named values and the named ``defects`` are planted.

    For what has no kind of its own. The canary proves that the server is so, not what users have
    of it.
    """

    kind: ClassVar[str] = "server"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    knobs: Annotated[
        dict[str, Any], msgspec.Meta(description="a table of knobs (chatquake serve --list-knobs)")
    ] = {}
    defects: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="a list of defects (chatquake serve --list-defects)"),
    ] = ()

    def __post_init__(self) -> None:
        """Raises :class:`ValueError` in the words of the server's own checks."""
        if not self.knobs and not self.defects:
            raise ValueError("neither knobs nor defects; allowed: one of them at least")
        try:
            turned = self._turned()
        except UsageError as error:
            raise ValueError(str(error)) from None
        for name, value in turned.knobs.items():
            if value == getattr(Knobs(), name):
                raise ValueError(
                    f"knobs.{name}: {value!r} is what it is anyway; allowed: another value"
                )

    def _turned(self) -> Turned:
        return checked(Turned(knobs=self.knobs, defects=frozenset(self.defects)))

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(self._turned())

    def evidence(self) -> Evidence:
        return SWITCHED

    def sentence(self) -> Text:
        turned = [f"{name} = {value}" for name, value in sorted(self.knobs.items())]
        words = ", ".join((*sorted(self.defects), *turned))
        return Text(
            en=f"Switched on purpose: {words}.",
            ko=f"서버를 일부러 바꿉니다({words}). 그동안 유지됩니다.",
        )
