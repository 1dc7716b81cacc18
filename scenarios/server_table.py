"""``[server]``: what the bundled server is like for the whole run."""

from __future__ import annotations

from typing import Any

import msgspec

from chaos.faults.server.switches import Turned, checked
from harness.errors import UsageError
from scenarios.presets import said


class ServerTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Knobs and defects that hold from the first user to the last. For some seconds of a run there
    are faults in the server."""

    knobs: dict[str, Any] = {}
    defects: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Each defect and each knob, as a reader would name it."""
        return (*self.defects, *(f"{name} = {said(value)}" for name, value in self.knobs.items()))


def check_server(table: ServerTable, *, where: str) -> None:
    """Raises :class:`UsageError` for what the server does not take."""
    try:
        checked(Turned(knobs=table.knobs, defects=frozenset(table.defects)))
    except UsageError as error:
        raise UsageError(f"{where}: server: {error}") from None
    if "access_token_lifetime_s" in table.knobs:
        raise UsageError(
            f"{where}: server.knobs.access_token_lifetime_s: is a key of the scenario itself; "
            "write access_token_lifetime_s at its top"
        )
