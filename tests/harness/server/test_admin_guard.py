from __future__ import annotations

import asyncio

import pytest
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from harness.server.admin_guard import AdminGuard, refusal
from tests.harness.server.asgi import Answer, call


def asked(bound_to: str = "127.0.0.1", **headers: str) -> Answer:
    guard = AdminGuard(PlainTextResponse("in"), bound_to)
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return asyncio.run(call(guard, "POST", "/accounts", b"{}", given.items()))


@pytest.mark.parametrize(
    "host", ["127.0.0.1:4100", "127.0.0.1", "127.8.8.8", "LOCALHOST:4100", "[::1]:4100", "[::1]"]
)
def test_a_program_of_this_machine_is_let_in(host: str) -> None:
    assert asked(host=host).content == b"in"


def test_curl_needs_no_header_of_its_own() -> None:
    answer = asked(host="127.0.0.1:4100", content_type="application/x-www-form-urlencoded")

    assert answer.content == b"in"


def test_a_person_may_type_the_address() -> None:
    assert asked(host="localhost:4100", sec_fetch_site="none").content == b"in"


@pytest.mark.parametrize("bound_to", ["127.0.0.1", "0.0.0.0", "::1"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Origin", "http://evil.test"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1:4100"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "same-origin"),
    ],
)
def test_a_web_page_is_refused_in_one_line_that_names_its_header(
    bound_to: str, name: str, value: str
) -> None:
    answer = asked(bound_to, host="127.0.0.1:4100", **{name: value})

    assert answer.status == 403
    assert answer.json()["error"].startswith(f"{name}: ")
    assert not any(header.startswith("access-control") for header in answer.headers)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.test:4100", "127.0.0.1.evil.test", "localhost.evil.test", "", "[evil]"),
        *("192.0.2.1:4100", "localhost@evil.test", "0x7f.1"),
    ],
)
def test_a_name_that_only_points_here_is_refused_on_loopback(host: str) -> None:
    problem = refusal(Headers({"host": host}), on_loopback=True)

    assert problem == "Host: must be localhost or a loopback address, such as 127.0.0.1"


def test_any_name_will_do_where_the_port_is_open_on_purpose() -> None:
    assert asked("0.0.0.0", host="rig.example:4100").content == b"in"
