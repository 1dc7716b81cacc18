"""Sends that go wrong on purpose: one wrapper around the route, one around the storage.

What strikes is decided by :mod:`harness.server.chat.shares`; the route counts requests, the
storage the messages that reach it. Where several strike one send, the first named below wins.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from harness.clock import Clock
from harness.server.chat.answers import failure
from harness.server.chat.create import Create, OnRepeat
from harness.server.chat.shares import striking
from harness.server.defects import Defect, Defects
from harness.server.hanging import never_answer
from harness.server.knobs import Knobs
from harness.server.storage.model import Draft, Storage, Stored
from harness.server.switches import Switches
from harness.server.unique_key import UniqueKey
from harness.wire.changes import MessageRow

_HTML = (
    "<html>\n<head><title>502 Bad Gateway</title></head>\n"
    "<body><center><h1>502 Bad Gateway</h1></center></body>\n</html>\n"
)
_log = logging.getLogger(__name__)


class PlantedCreate:
    """The create route, and what is planted before and after it."""

    def __init__(self, create: Create, switches: Switches, stopping: asyncio.Event) -> None:
        self._create = create
        self._switches = switches
        self._stopping = stopping
        self._numbers = itertools.count(1)

    async def answer(self, request: Request) -> Response:
        """hang-create and error-burst keep the send from the route; the rest spoils its success."""
        struck = struck_by(self._switches, next(self._numbers))
        if Defect.HANG_CREATE in struck:
            await never_answer(request, self._stopping)
        if Defect.ERROR_BURST in struck:
            return failure(500, "internal error")
        response = await self._create(request)
        if Defect.ACK_LOST in struck:
            await never_answer(request, self._stopping)
        return disguised(response, struck)


def disguised(response: Response, struck: Defects) -> Response:
    """A success as html-error, empty-body or wrong-schema shows it."""
    if Defect.HTML_ERROR in struck:
        return Response(_HTML, 502, media_type="text/html")
    if Defect.EMPTY_BODY in struck:
        return Response(b"", 200)
    if Defect.WRONG_SCHEMA in struck:
        row = msgspec.json.decode(response.body)["message"]
        return Response(
            msgspec.json.encode({"ok": True, "data": [row]}), 200, media_type="application/json"
        )
    return response


class PlantedStore:
    """Committing, and what is planted there."""

    def __init__(
        self, storage: Storage, switches: Switches, on_repeat: OnRepeat, clock: Clock
    ) -> None:
        """``on_repeat`` is told of every repeated send that found its row there."""
        self._storage = storage
        self._switches = switches
        self._on_repeat = on_repeat
        self._numbers = itertools.count(1)
        self._key = UniqueKey(storage, switches, clock)
        self._begun: set[asyncio.Task[Stored]] = set()

    async def create(self, draft: Draft) -> Stored:
        """Commit ``draft``, or act as if. Raises 409 for a repeated send under no-idempotency."""
        await self._key.keep()
        struck = struck_by(self._switches, next(self._numbers))
        hold_s = hold_of(struck, self._switches.knobs)
        if Defect.LOST_AFTER_ACK in struck:
            return Stored(_as_row(draft, await self._storage.reserve()), True)
        if Defect.ACK_BEFORE_COMMIT in struck:
            row_id = await self._storage.reserve()
            self._begin(self._commit_later(draft, hold_s, row_id))
            return Stored(_as_row(draft, row_id), True)
        stored = await self._storage.create(draft, hold_s=hold_s)
        if not stored.is_new:
            self._on_repeat(stored.row)
            if Defect.NO_IDEMPOTENCY in struck:
                raise HTTPException(409, "clientMsgId: this message was sent already")
        return stored

    async def _commit_later(self, draft: Draft, hold_s: float, row_id: int) -> Stored:
        stored = await self._storage.create(draft, hold_s=hold_s, row_id=row_id)
        if not stored.is_new:
            self._on_repeat(stored.row)
        return stored

    def _begin(self, work: Coroutine[Any, Any, Stored]) -> None:
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Stored]) -> None:
        self._begun.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a message that was acknowledged could not be committed: %r", error)


def struck_by(switches: Switches, number: int) -> Defects:
    """What strikes the ``number``-th send as the switches are now."""
    return striking(switches.defects, number, strike_all=switches.knobs.strike_all)


def hold_of(struck: Defects, knobs: Knobs) -> float:
    """How long a commit is held, in seconds. poll-id-gap comes on top of the others, or a send
    that it strikes would not be overtaken."""
    slow = Defect.SLOW_COMMIT in struck or Defect.ACK_BEFORE_COMMIT in struck
    gap = Defect.POLL_ID_GAP in struck
    return knobs.slow_commit_s * (int(slow) + int(gap))


def _as_row(draft: Draft, row_id: int) -> MessageRow:
    return MessageRow(
        row_id, draft.webinar_id, draft.user_id, draft.client_msg_id, draft.body, draft.created_at
    )
