"""The page's routes in front of the API's."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harness.server.page.accounts import account_id
from harness.server.page.app import with_page
from tests.harness.server.builders import SECRET, UNIX_START_S


async def _below(request: Request) -> Response:
    return JSONResponse({"path": request.url.path, "method": request.method})


def get(path: str, method: str = "GET") -> httpx.Response:
    api = Starlette(routes=[Route("/{path:path}", _below, methods=["GET", "POST"])])
    app = with_page(api, secret=SECRET, realtime_port=4000, unix_s=lambda: UNIX_START_S + 0.5)

    async def session() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.request(method, path)

    return asyncio.run(session())


def test_the_page_may_be_run_by_nothing_but_its_own_files() -> None:
    page = get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "<script>" not in page.text
    assert "style=" not in page.text


def test_every_file_that_the_page_or_a_module_names_is_served() -> None:
    named = re.findall(r'(?:href|src)="(/page/[^"]+)"', get("/").text)
    assert "/page/main.js" in named
    for path in named:
        answer = get(path)
        assert answer.status_code == 200, path
        imports = re.findall(r'from "\./([^"]+)"', answer.text) if path.endswith(".js") else []
        named += [f"/page/{one}" for one in imports if f"/page/{one}" not in named]
    assert "/page/vendor/realtime-js.js" in named
    assert get("/page/vendor/LICENSES.txt").status_code == 200


def test_a_session_names_the_account_and_where_realtime_is() -> None:
    answer: dict[str, Any] = get("/api/page/session?user=alice&webinar=42").json()
    token, key = answer.pop("token"), answer.pop("api_key")
    assert token.count(".") == key.count(".") == 2
    assert answer == {
        "success": True,
        "user": "alice",
        "user_id": account_id("alice"),
        "role": "attendee",
        "webinar": 42,
        "lifetime_s": 3600,
        "realtime_port": 4000,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "user"), ("user=a", "webinar"), ("user=a&webinar=1&role=god", "role")],
)
def test_a_bad_session_is_refused_in_the_api_s_one_shape(query: str, field: str) -> None:
    answer = get(f"/api/page/session?{query}" if field != "user" else "/api/page/session?webinar=1")
    assert answer.status_code == 400
    refusal = msgspec.json.decode(answer.content)
    assert refusal.keys() == {"success", "error"}
    assert refusal["success"] is False
    assert refusal["error"].startswith(f"{field}: ")


@pytest.mark.parametrize("path", ["/api/messages", "/health", "/page/no-such.js", "/nothing"])
def test_everything_else_goes_to_the_api(path: str) -> None:
    assert get(path).json() == {"path": path, "method": "GET"}
    assert get(path, "POST").json() == {"path": path, "method": "POST"}
