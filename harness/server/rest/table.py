"""The table ``messages`` under its policies: one method of HTTP, one method here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from harness.clock import Clock
from harness.server.auth.tokens import Claims, Tokens
from harness.server.bodies import is_json, read_body
from harness.server.read_defects import effective_access, lacks_first, spoiled
from harness.server.rest.errors import RestError, denied
from harness.server.rest.inserting import change_of, draft_of
from harness.server.rest.prefer import Wish, content_range, wish_of, within_range
from harness.server.rest.query import Field, Query, parse_query
from harness.server.rest.selecting import Found, find, without_first
from harness.server.storage.model import Storage
from harness.server.switches import Switches
from harness.server.unique_key import UniqueKey
from harness.wire.changes import MessageRow

METHODS = ("OPTIONS", "GET", "HEAD", "POST", "PATCH", "DELETE")
_JSON = "application/json; charset=utf-8"
_SINGULAR = "application/vnd.pgrst.object+json; charset=utf-8"


class Table:
    """Reads and writes of one table. Each row is its own transaction."""

    def __init__(
        self,
        storage: Storage,
        tokens: Tokens,
        switches: Switches,
        clock: Clock,
        make_id: Callable[[], str],
    ) -> None:
        self._storage = storage
        self._tokens = tokens
        self._switches = switches
        self._clock = clock
        self._make_id = make_id
        self._key = UniqueKey(storage, switches, clock)

    async def answer(self, request: Request, claims: Claims) -> Response:
        """Do what was asked. Raises :class:`RestError`."""
        match request.method:
            case "GET" | "HEAD":
                return await self._read(request, claims)
            case "POST":
                return await self._insert(request, claims)
            case "PATCH" | "DELETE":
                return await self._change(request, claims)
            case "OPTIONS":
                return Response(b"", 200, {"Allow": ",".join(METHODS)})
        raise RestError(405, "PGRST117", f"Unsupported HTTP method: {request.method}")

    async def _read(self, request: Request, claims: Claims) -> Response:
        wish, query = wish_of(request.headers, request.method), _query(request)
        if request.method == "GET":  # the only one that has a Range (RFC 9110, section 14.2)
            query = within_range(query, request.headers.get("range"))
        access = effective_access(claims.access, self._switches.defects)
        if lacks_first(self._switches.defects, incremental=_is_incremental(query)):
            query = await without_first(self._storage, query, access)
        most_rows = self._switches.knobs.rest_max_rows
        found = await find(self._storage, query, access, most_rows=most_rows, count=wish.count)
        if found.total is not None and query.offset > found.total:
            details = (
                f"An offset of {query.offset} was requested, but there are only {found.total} rows."
            )
            raise RestError(416, "PGRST103", "Requested range not satisfiable", details)
        rows = spoiled(found.rows, self._switches.defects)
        headers = _headers(wish, content_range(query.offset, len(rows), found.total))
        return _shown(_status(found), rows, query.fields, wish, headers)

    async def _insert(self, request: Request, claims: Claims) -> Response:
        wish, query = wish_of(request.headers, request.method), _query(request)
        draft = draft_of(
            await self._json(request),
            claims,
            created_at=self._tokens.wall_time.timestamptz(self._clock()),
            message_id=self._make_id(),
            max_body_chars=self._switches.knobs.max_body_chars,
        )
        await self._key.keep()
        stored = await self._storage.create(draft)
        if not stored.is_new and not wish.ignore_duplicates:
            key = f"{draft.webinar_id}, {draft.user_id}, {draft.client_msg_id}"
            raise RestError(
                409,
                "23505",
                'duplicate key value violates unique constraint "messages_once"',
                f"Key (webinar_id, user_id, client_msg_id)=({key}) already exists.",
            )
        rows = [stored.row] if stored.is_new else []
        headers = _headers(wish, content_range(0, 0, len(rows) if wish.count else None))
        if not wish.representation:
            return Response(b"", 201, headers)
        return _shown(201, rows, query.fields, wish, headers)

    async def _change(self, request: Request, claims: Claims) -> Response:
        """Rows that the asker may read but not change are passed over, as by PostgreSQL.

        All others that the filters mean are changed: ``limit``, ``offset``, ``Range`` and the most
        rows of an answer bind reads alone (PostgREST since version 13).
        """
        wish, query = wish_of(request.headers, request.method), _query(request)
        if not query.conditions:
            verb = "UPDATE" if request.method == "PATCH" else "DELETE"
            raise RestError(400, "21000", f"{verb} requires a WHERE clause")
        change: dict[str, Any] = {}
        if request.method == "PATCH":
            chars = self._switches.knobs.max_body_chars
            change = dict(change_of(await self._json(request), claims, chars))
        query = replace(query, offset=0, limit=None)
        found = await find(self._storage, query, claims.access, most_rows=None)
        mine = [row for row in found.rows if _may_change(claims, row)]
        if "hidden" in change and not all(_may_hide(claims, row) for row in mine):
            raise denied(authenticated=True)
        if wish.singular and len(mine) != 1:
            raise _not_single(len(mine))  # before anything is written, instead of a rollback
        if wish.max_affected is not None and len(mine) > wish.max_affected:
            message = "Query result exceeds max-affected preference constraint"
            raise RestError(400, "PGRST124", message, f"The query affects {len(mine)} rows")
        changed = [await self._changed(request.method, row, change) for row in mine]
        rows = [row for row in changed if row is not None]
        shown = len(rows) if request.method == "PATCH" else 0
        headers = _headers(wish, content_range(0, shown, len(rows) if wish.count else None))
        if not wish.representation:
            return Response(None, 204, headers)
        return _shown(200, rows, query.fields, wish, headers)

    async def _changed(
        self, method: str, row: MessageRow, change: dict[str, Any]
    ) -> MessageRow | None:
        if method == "DELETE":
            return await self._storage.delete(row.id)
        return await self._storage.update(row.id, **change)

    async def _json(self, request: Request) -> bytes:
        content_type = request.headers.get("content-type")
        if not is_json(content_type):
            raise RestError(400, "PGRST102", f"Content-Type not acceptable: {content_type}")
        return await read_body(request, self._switches.knobs.max_request_bytes)


def _headers(wish: Wish, content_range: str) -> dict[str, str]:
    applied = {"Preference-Applied": wish.applied} if wish.applied else {}
    return {"Content-Range": content_range, **applied}


def _query(request: Request) -> Query:
    return parse_query(request.query_params.multi_items())


def _is_incremental(query: Query) -> bool:
    """Whether a cursor is given: only rows after an id are wanted."""
    return any(
        one.column == "id" and one.operator == "gt" and not one.negated for one in query.conditions
    )


def _status(found: Found) -> int:
    return 206 if found.total is not None and len(found.rows) < found.total else 200


def _may_change(claims: Claims, row: MessageRow) -> bool:
    access = claims.access
    return access.database_role == "service_role" or access.may_change(
        row.webinar_id, row.user_id, claims.user_id
    )


def _may_hide(claims: Claims, row: MessageRow) -> bool:
    access = claims.access
    return access.database_role == "service_role" or access.may_moderate(row.webinar_id)


def _shown(
    status: int,
    rows: list[MessageRow],
    fields: tuple[Field, ...],
    wish: Wish,
    headers: dict[str, str],
) -> Response:
    content: list[dict[str, Any]] = [
        {field.name: getattr(row, field.column) for field in fields} for row in rows
    ]
    if not wish.singular:
        return Response(msgspec.json.encode(content), status, headers, media_type=_JSON)
    if len(content) != 1:
        raise _not_single(len(content))
    return Response(msgspec.json.encode(content[0]), status, headers, media_type=_SINGULAR)


def _not_single(rows: int) -> RestError:
    message = "Cannot coerce the result to a single JSON object"
    return RestError(406, "PGRST116", message, f"The result contains {rows} rows")
