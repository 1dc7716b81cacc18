"""``GET /api/messages``: the poll and the history (F4)."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from harness.clock import Clock
from harness.server.auth.tokens import Tokens
from harness.server.chat.answers import as_json
from harness.server.chat.caller import caller
from harness.server.chat.create import outsider
from harness.server.chat.requests import ListRequest, parse_list
from harness.server.read_defects import effective_access, lacks_first, spoiled
from harness.server.storage.model import Storage
from harness.server.switches import Switches
from harness.wire.api import ListAnswer
from harness.wire.changes import MessageRow


@dataclass(frozen=True)
class Listing:
    """The route. Reading has the permission check of reading everything else."""

    storage: Storage
    tokens: Tokens
    switches: Switches
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        """Rows by id: those after ``after``, or the last ones."""
        claims = caller(request, self.tokens, self.clock())
        asked = parse_list(request.query_params.multi_items())
        access = effective_access(claims.access, self.switches.defects)
        if not access.may_read(asked.webinar_id):
            raise outsider(asked.webinar_id)
        rows = spoiled(await self._rows(asked), self.switches.defects)
        return as_json(200, ListAnswer(success=True, messages=rows), self._caching())

    async def _rows(self, asked: ListRequest) -> list[MessageRow]:
        if asked.after_id is None:
            return await self.storage.last_rows(asked.webinar_id, asked.limit)
        skipped = int(lacks_first(self.switches.defects, incremental=True))
        rows = await self.storage.rows_after(
            asked.webinar_id, asked.after_id, asked.limit + skipped
        )
        return rows[skipped:]

    def _caching(self) -> dict[str, str]:
        age_s = self.switches.knobs.poll_max_age_s
        return {"Cache-Control": f"public, max-age={age_s}"} if age_s > 0 else {}
