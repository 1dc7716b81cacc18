from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from harness.server.auth.bulk import account_routes
from harness.server.auth.tokens import Claims
from harness.tokens import user_uuid
from tests.harness.server.auth.project import EMAIL, PASSWORD, Project, claims_in


def enrol(project: Project, *accounts: dict[str, Any]) -> list[dict[str, Any]]:
    content = b"\n".join(json.dumps(one).encode() for one in accounts)
    response = project.ask("POST", "/accounts", content=content, key=None)
    assert response.status_code == 200
    return [json.loads(line) for line in response.text.splitlines()]


def test_ten_thousand_accounts_get_a_session_each_in_one_request() -> None:
    project = Project()
    accounts = [
        {"email": f"u{number}@example.com", "webinars": {"42": "attendee"}}
        for number in range(10_000)
    ]
    sessions = enrol(project, *accounts)

    assert [one["email"] for one in sessions] == [one["email"] for one in accounts]
    assert len({one["refresh_token"] for one in sessions}) == 10_000
    for one in sessions[::1999]:
        assert project.refresh(one["refresh_token"]).status_code == 200
        verdict = project.tokens.verify(one["access_token"], project.now_s)
        assert isinstance(verdict, Claims)
        assert verdict.user_id == one["user_id"]
        assert verdict.access.may_write(42)
        assert not verdict.access.may_read(43)
    project.store.close()


def test_an_account_with_a_password_signs_in_by_it() -> None:
    project = Project()
    (one,) = enrol(project, {"email": EMAIL.upper(), "password": PASSWORD})

    assert project.sign_in().json()["user"]["id"] == one["user_id"]
    project.store.close()


def test_an_account_may_have_the_id_of_an_emulated_user() -> None:
    project = Project()
    (one,) = enrol(project, {"email": EMAIL, "id": user_uuid(1, 2)})

    assert one["user_id"] == user_uuid(1, 2)
    assert claims_in(one["access_token"])["sub"] == user_uuid(1, 2)
    project.store.close()


def test_a_repeated_account_gets_new_memberships_and_keeps_its_id_and_password() -> None:
    project = Project()
    (first,) = enrol(project, {"email": EMAIL, "password": PASSWORD, "webinars": {"1": "attendee"}})
    (second,) = enrol(project, {"email": EMAIL, "webinars": {"2": "moderator"}})

    assert second["user_id"] == first["user_id"]
    assert claims_in(second["access_token"])["app_metadata"]["webinars"] == {"2": "moderator"}
    assert project.sign_in().status_code == 200
    assert project.refresh(first["refresh_token"]).status_code == 200
    project.store.close()


def test_accounts_are_there_once_the_answer_begins() -> None:
    project = Project()
    there_at_start: list[bool] = []

    body = iter([{"type": "http.request", "body": b'{"email": "ann@example.com"}'}])

    async def receive() -> dict[str, Any]:
        return next(body, None) or await asyncio.get_running_loop().create_future()

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            there_at_start.append(project.store.account_by_email("ann@example.com") is not None)

    (route,) = account_routes(project.auth, lambda: project.now_unix_s)
    scope = {"type": "http", "method": "POST", "path": "/accounts", "headers": []}

    async def ask() -> None:
        await route.app(scope, receive, send)

    asyncio.run(ask())

    assert there_at_start == [True]
    project.store.close()


def test_an_id_that_is_taken_fails_alone() -> None:
    project = Project()
    ann = {"email": "ann@example.com", "id": user_uuid(1, 1)}
    lines = enrol(
        project,
        ann,
        {"email": "bob@example.com", "id": user_uuid(1, 1)},
        {"email": "ann@example.com", "id": user_uuid(1, 2)},
        {"email": "eve@example.com"},
    )

    assert ["error" in line for line in lines] == [False, True, True, False]
    assert project.store.account_by_email("bob@example.com") is None
    project.store.close()


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ({"email": "x"}, "email: "),
        ({"webinars": {}}, "email"),
        ({"email": EMAIL, "role": "admin"}, "role"),
        ({"email": EMAIL, "webinars": {"1": "king"}}, "webinars"),
        ({"email": EMAIL, "password": "x"}, "password: "),
        ({"email": EMAIL, "password": "x" * 73}, "password: "),
        ({"email": EMAIL, "id": "1"}, "UUID"),
        ({"email": EMAIL, "id": user_uuid(1, 1).upper()}, "id: must be a UUID in lower case"),
        ([], "object"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_done(line: Any, where: str) -> None:
    project = Project()
    content = b"\n".join(json.dumps(one).encode() for one in ({"email": "a@b.de"}, line))
    response = project.ask("POST", "/accounts", content=content, key=None)

    assert response.status_code == 400
    assert response.json()["error"].startswith("accounts: line 2: ")
    assert where in response.json()["error"]
    assert project.store.account_by_email("a@b.de") is None
    project.store.close()
