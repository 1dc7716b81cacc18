"""Broadcasts over HTTP, through the real routes, without sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from harness.server.access import Access
from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.realtime.broadcast_routes import broadcast_routes
from harness.server.realtime.quotas import Quotas, plan
from harness.server.realtime.rest_broadcast import (
    Posted,
    Rejected,
    read_batch,
    read_single,
)
from harness.server.realtime.shell import realtime_app
from harness.server.realtime.topics.broadcast import Relayed, UserEvent
from harness.server.realtime.topics.topics import TopicName
from harness.server.switches import Switches
from harness.wire.phoenix import payload
from tests.harness.server.builders import anon_token, user_token
from tests.harness.server.realtime.broadcasting import Heard, posted

MEMBER = Access("authenticated", (("42", "attendee"),))
AUTHORIZED = {"Authorization": f"Bearer {user_token()}"}
BATCH = "/realtime/v1/api/broadcast"
SINGLE = "/realtime/v1/api/broadcast/room/events/typing"
MESSAGE = {"topic": "room", "event": "typing", "payload": {"who": "ann"}}


def quotas(average: int = 0) -> Quotas:
    used = Quotas(lambda: plan("free"))
    used.messages.add(average * 10, 0.0)
    return used


def test_one_message_is_broadcast_as_its_path_says() -> None:
    answer, server = posted(SINGLE, headers=AUTHORIZED, json={"who": "ann"})

    assert (answer.status_code, answer.content) == (202, b"")
    event = UserEvent("typing", True, b'{"who":"ann"}')
    assert server.heard == [Posted(TopicName("realtime:room", False), event)]


def test_a_server_that_accepts_no_users_token_broadcasts_for_its_keys_alone() -> None:
    planted = frozenset({Defect.TOKEN_NEVER_ACCEPTED})
    statuses = [
        posted(SINGLE, defects=planted, headers={"Authorization": f"Bearer {token}"}, json={})[
            0
        ].status_code
        for token in (user_token(), anon_token())
    ]

    assert statuses == [401, 202]


def test_bytes_are_broadcast_as_bytes() -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/octet-stream"}
    answer, server = posted(SINGLE, headers=headers, content=b"\x00\xff")

    assert answer.status_code == 202
    assert server.heard[0].broadcast == UserEvent("typing", False, b"\x00\xff")


def test_a_batch_is_broadcast_message_by_message() -> None:
    batch = {"messages": [MESSAGE, {**MESSAGE, "topic": "other"}]}
    answer, server = posted("/api/broadcast", headers=AUTHORIZED, json=batch)

    assert (answer.status_code, answer.content) == (202, b"")
    assert [one.name.topic for one in server.heard] == ["realtime:room", "realtime:other"]


@pytest.mark.parametrize("depth", [50, 98, 99, 400, 987, 1000])
def test_what_is_nested_too_deeply_is_a_bad_request(depth: int) -> None:
    nested = '{"a":' * depth + "[]" + "}" * depth
    bodies = {
        SINGLE: f"[{nested}]",
        "/api/broadcast": f'{{"messages":[{{"topic":"a","event":"b","payload":{nested}}}]}}',
    }
    around = {SINGLE: 2, "/api/broadcast": 4}
    headers = {**AUTHORIZED, "Content-Type": "application/json"}

    for path, body in bodies.items():
        answer, server = posted(path, headers=headers, content=body.encode())
        fits = depth + around[path] <= 100
        assert answer.status_code == (202 if fits else 400)
        assert bool(server.heard) is fits


def test_the_api_key_alone_authorizes() -> None:
    assert posted(SINGLE, headers={"apikey": anon_token()}, json={})[0].status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense", "apikey": anon_token()},
        {"apikey": anon_token() + "x"},
        {"Authorization": f"Basic {anon_token()}"},
    ],
)
def test_whoever_brings_no_good_token_is_unauthorized(headers: dict[str, str]) -> None:
    answer, server = posted(SINGLE, headers=headers, json={})

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert server.heard == []


def test_a_project_over_its_rate_is_refused_everything() -> None:
    answer, _ = posted(SINGLE, sent_before=1000, headers=AUTHORIZED, json={})

    assert (answer.status_code, answer.json()) == (429, {"message": "Too many requests"})


def test_another_content_type_is_refused() -> None:
    headers = {**AUTHORIZED, "Content-Type": "text/plain"}

    assert posted(SINGLE, headers=headers, content=b"x")[0].status_code == 415


def test_a_browser_may_ask_first() -> None:
    headers = {
        "Origin": "http://page",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "apikey,authorization,content-type",
    }
    answer, _ = posted(SINGLE, method="OPTIONS", headers=headers)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "apikey,authorization,content-type"


@pytest.mark.parametrize("path", [SINGLE, BATCH])
@pytest.mark.parametrize(("origins", "allowed"), [("http://page", "http://page"), ("", None)])
def test_a_knob_says_whose_pages_may_broadcast(
    path: str, origins: str, allowed: str | None
) -> None:
    knobs, page = {"cors_origins": origins}, {"Origin": "http://page"}
    preflight = {**page, "Access-Control-Request-Method": "POST"}
    asked, _ = posted(path, method="OPTIONS", headers=preflight, knobs=knobs)
    sent, _ = posted(path, headers={**AUTHORIZED, **page}, json={"messages": []}, knobs=knobs)
    refused, _ = posted(path, headers=page, json={}, knobs=knobs)

    assert [one.status_code for one in (asked, sent, refused)] == [204, 202, 401]
    for answer in (asked, sent, refused):
        assert answer.headers.get("access-control-allow-origin") == allowed
    assert "x-request-id" in sent.headers


@pytest.mark.parametrize("path", [SINGLE, BATCH])
@pytest.mark.parametrize("declared", [True, False])
def test_a_request_over_the_limit_answers_413(
    path: str, declared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.dumps({"messages": [{**MESSAGE, "payload": {"who": "x" * 1000}}]}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        yield content[:500]
        yield content[500:]

    for limit, status in ((len(content) - 1, 413), (len(content), 202)):
        body: Any = content if declared else chunks()
        monkeypatch.setattr("harness.server.realtime.broadcast_routes.MAX_BODY_BYTES", limit)
        answer, server = posted(path, headers=AUTHORIZED, content=body)
        assert answer.status_code == status
        assert len(server.heard) == (status == 202)


@pytest.mark.parametrize("path", [SINGLE, BATCH])
def test_a_client_that_leaves_before_its_body_is_whole_has_broadcast_nothing(path: str) -> None:
    async def ask() -> Heard:
        server = Heard(Switches(Knobs()), 6.0)
        messages = iter(
            [
                {"type": "http.request", "body": b'{"messages":', "more_body": True},
                {"type": "http.disconnect"},
            ]
        )

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}
        headers = [(b"authorization", AUTHORIZED["Authorization"].encode())]
        await realtime_app(broadcast_routes(server))({**scope, "headers": headers}, receive, send)
        return server

    sent: list[Any] = []
    server = asyncio.run(ask())

    assert sent[0]["status"] == 400
    assert server.heard == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (b"{}", {"messages": ["can't be blank"]}),
        (b'{"messages":1}', {"messages": ["is invalid"]}),
        (
            b'{"messages":[{"topic":"a","event":"e","payload":{}},{"topic":1}]}',
            {
                "messages": [
                    {},
                    {
                        "topic": ["is invalid"],
                        "event": ["can't be blank"],
                        "payload": ["can't be blank"],
                    },
                ]
            },
        ),
    ],
)
def test_a_batch_that_lacks_something_names_it(body: bytes, errors: Any) -> None:
    assert read_batch(body, MEMBER, quotas(), 0.0) == Rejected(422, {"errors": errors})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    assert read_batch(body, MEMBER, quotas(), 0.0) == Rejected(400, {"message": "Bad Request"})


def test_a_private_message_that_may_not_be_sent_is_left_out_of_a_batch_in_silence() -> None:
    messages = [{**MESSAGE, "topic": f"webinar-{number}", "private": True} for number in (42, 43)]

    read = read_batch(bytes(payload({"messages": messages})), MEMBER, quotas(), 0.0)

    assert isinstance(read, list)
    assert [one.name for one in read] == [TopicName("realtime:webinar-42", True)]


def test_a_batch_beyond_the_rate_is_refused_as_a_whole() -> None:
    body = bytes(payload({"messages": [MESSAGE] * 101}))

    answer = read_batch(body, MEMBER, quotas(), 0.0)

    assert isinstance(answer, Rejected)
    assert answer.status == 429


def test_the_id_of_a_message_goes_along() -> None:
    read = read_batch(bytes(payload({"messages": [{**MESSAGE, "id": "i"}]})), MEMBER, quotas(), 0.0)

    assert isinstance(read, list)
    content = {"payload": {"who": "ann"}, "event": "typing", "type": "broadcast"}
    assert read[0].broadcast == Relayed(payload({**content, "meta": {"id": "i"}}))


def single(topic: str = "webinar-43", body: bytes = b"{}", **how: Any) -> Posted | Rejected:
    asked = {"private": False, "is_json": True, **how}
    return read_single(topic, "e", body, MEMBER, quotas(), **asked)


def test_a_private_message_that_may_not_be_sent_is_forbidden() -> None:
    assert single(private=True) == Rejected(403, {"message": "Unauthorized"})
    assert isinstance(single("webinar-42", private=True), Posted)


def test_a_message_too_large_for_the_plan_is_refused() -> None:
    too_large = b'"' + b"x" * 300_000 + b'"'

    assert single(body=too_large) == Rejected(
        422, {"errors": {"payload": ["Payload size exceeds tenant limit"]}}
    )


def test_a_name_too_long_for_a_binary_frame_is_refused() -> None:
    answer = single("x" * 250)

    assert isinstance(answer, Rejected)
    assert answer.status == 422
