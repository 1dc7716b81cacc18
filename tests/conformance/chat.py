"""What somebody else does in the chat meanwhile, over its HTTP API."""

from __future__ import annotations

import time
from typing import Any

import httpx

from harness.tokens import mint
from tests.conformance.rows import Row
from tests.harness.server.builders import SECRET, USER
from tests.harness.server.running import Server


def edit(server: Server, row: Row, body: str) -> Row:
    """Give a message another text; returns the row as it is now."""
    return _ask(server, "PATCH", f"/api/messages/{row['id']}", json={"body": body})


def hide(server: Server, row: Row) -> Row:
    """Hide a message; returns the row as it is now."""
    return _ask(server, "POST", f"/api/messages/{row['id']}/hide")


def delete(server: Server, row: Row) -> None:
    """Delete a message for good."""
    _ask(server, "DELETE", f"/api/messages/{row['id']}")


def _ask(server: Server, method: str, path: str, **content: Any) -> Row:
    token = mint(SECRET, USER, webinars={"*": "moderator"}, issued_at_unix_s=int(time.time()))
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.request(method, f"{server.api_url}{path}", headers=headers, **content)
    assert answer.status_code == 200, answer.text
    row: Row = answer.json()["message"]
    return row
