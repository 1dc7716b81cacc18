"""The defect no-unique-key, turned while the server runs."""

from __future__ import annotations

import logging
import math

from harness.clock import Clock
from harness.errors import UsageError
from harness.server.defects import Defect
from harness.server.storage.model import Storage
from harness.server.switches import Switches

_SHARE = 0.1
"""How much of the time may go into attempts to bring the key back while messages are repeated:
each looks at all of them, and writers wait meanwhile."""
_REST_S = 1.0
"""And between two of them lies at least this."""
_log = logging.getLogger(__name__)


class UniqueKey:
    """Has the key of S5 hold, or not, as the switches say at the moment of an insert."""

    def __init__(self, storage: Storage, switches: Switches, clock: Clock) -> None:
        """The storage was opened as the switches are now."""
        self._storage = storage
        self._switches = switches
        self._clock = clock
        self._told = False
        self._not_before_s = -math.inf

    async def keep(self) -> None:
        """To be awaited before an insert.

        A key that repeated messages keep away is tried again at a later insert, for they may have
        been deleted. Raises :class:`harness.server.storage.model.StorageUnavailable`.
        """
        wanted = not self._switches.has(Defect.NO_UNIQUE_KEY)
        if wanted == self._storage.unique_key_holds:
            self._told, self._not_before_s = False, -math.inf
            return
        begun_s = self._clock()
        if begun_s < self._not_before_s:
            return
        self._not_before_s = math.inf  # one attempt at a time
        try:
            await self._storage.set_unique(wanted)
        except UsageError as error:
            if not self._told:
                self._told = True
                _log.warning("no-unique-key stays: %s", error)
        finally:
            now_s = self._clock()
            done = wanted == self._storage.unique_key_holds
            rest_s = 0.0 if done else max(_REST_S, (now_s - begun_s) / _SHARE)
            self._not_before_s = now_s + rest_s
