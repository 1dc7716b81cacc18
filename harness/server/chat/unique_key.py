"""The defect no-unique-key, turned while the server runs."""

from __future__ import annotations

import logging

from harness.errors import UsageError
from harness.server.defects import Defect
from harness.server.storage.model import Storage
from harness.server.switches import Switches

_log = logging.getLogger(__name__)


class UniqueKey:
    """Has the key of S5 hold, or not, as the switches say at the moment of an insert."""

    def __init__(self, storage: Storage, switches: Switches) -> None:
        """The storage was opened as the switches are now."""
        self._storage = storage
        self._switches = switches
        self._holds = not switches.has(Defect.NO_UNIQUE_KEY)

    async def keep(self) -> None:
        """To be awaited before an insert."""
        wanted = not self._switches.has(Defect.NO_UNIQUE_KEY)
        if wanted == self._holds:
            return
        self._holds = wanted
        try:
            await self._storage.set_unique(wanted)
        except UsageError as error:
            _log.warning("no-unique-key stays: %s", error)
