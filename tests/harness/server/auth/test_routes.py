from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest

from harness.server.auth.accounts import hash_password
from harness.server.auth.jws import Algorithm
from harness.server.auth.store import AuthStore
from harness.server.auth.tokens import Claims
from harness.server.switches import Turn
from tests.harness.server.auth.project import (
    EC_KEY,
    EMAIL,
    NOW_UNIX_S,
    ORIGIN,
    PASSWORD,
    Project,
    claims_in,
    code_of,
)
from tests.harness.server.builders import SECRET, anon_token

TOKEN = "/auth/v1/token?grant_type=password"
REFRESH = "/auth/v1/token?grant_type=refresh_token"
SIGN_UP = "/auth/v1/signup"
ROUTES = [
    *(("POST", TOKEN), ("POST", REFRESH), ("POST", SIGN_UP), ("POST", "/auth/v1/logout")),
    *(("GET", "/auth/v1/user"), ("GET", "/auth/v1/health")),
]
PASSWORD_HASH = hash_password(PASSWORD)


@pytest.fixture
def project() -> Iterator[Project]:
    one = Project()
    yield one
    one.store.close()


def session(project: Project, email: str = EMAIL) -> dict[str, Any]:
    """A session by password."""
    if project.store.account_by_email(email) is None:
        project.enrol(email, PASSWORD_HASH)
    response = project.sign_in(email)
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def test_a_sign_up_is_confirmed_and_signed_in_at_once(project: Project) -> None:
    body = {"email": "Ann@Example.COM", "password": PASSWORD, "data": {"name": "안"}, "phone": None}
    response = project.ask("POST", SIGN_UP, body)

    answer = response.json()
    assert response.status_code == 200
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert answer["expires_at"] == NOW_UNIX_S + 3600
    assert answer["user"]["email"] == EMAIL
    assert answer["user"]["user_metadata"] == {"name": "안", "email_verified": True}
    assert answer["user"]["email_confirmed_at"] == answer["user"]["created_at"]
    (identity,) = answer["user"]["identities"]
    assert (identity["provider"], identity["user_id"]) == ("email", answer["user"]["id"])
    assert project.sign_in().status_code == 200


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_an_access_token_has_all_the_claims_in_a_real_one(algorithm: Algorithm) -> None:
    project = Project(algorithm=algorithm)
    answer = session(project)
    claims = claims_in(answer["access_token"])

    assert list(claims) == [
        *("iss", "sub", "aud", "exp", "iat", "email", "phone", "app_metadata", "user_metadata"),
        *("role", "aal", "amr", "session_id", "is_anonymous"),
    ]
    assert claims["iss"] == f"{ORIGIN}/auth/v1"
    assert claims["sub"] == answer["user"]["id"]
    assert (claims["aud"], claims["role"]) == ("authenticated", "authenticated")
    assert (claims["iat"], claims["exp"]) == (NOW_UNIX_S, NOW_UNIX_S + 3600)
    assert claims["app_metadata"]["webinars"] == {"*": "attendee"}
    assert claims["amr"] == [{"method": "password", "timestamp": NOW_UNIX_S}]
    assert jwt.get_unverified_header(answer["access_token"])["alg"] == algorithm
    verdict = project.tokens.verify(answer["access_token"], project.now_s)
    assert isinstance(verdict, Claims)
    assert verdict.access.may_write(42)
    project.store.close()


def test_a_password_opens_only_its_own_account(project: Project) -> None:
    project.enrol(EMAIL, PASSWORD_HASH)
    project.enrol("no-password@example.com")

    assert project.sign_in().status_code == 200
    for email, password in [
        (EMAIL, "secret-2"),
        (EMAIL, ""),
        ("no-password@example.com", PASSWORD),
        ("nobody@example.com", PASSWORD),
    ]:
        assert code_of(project.sign_in(email, password)) == (400, "invalid_credentials")


def test_a_refresh_answers_with_new_tokens_of_the_same_session(project: Project) -> None:
    before = session(project)
    project.now_s += 5
    response = project.refresh(before["refresh_token"])

    after = response.json()
    assert response.status_code == 200
    assert after["refresh_token"] != before["refresh_token"]
    assert after["expires_at"] == before["expires_at"] + 5
    old, new = (claims_in(one["access_token"]) for one in (before, after))
    assert (old["session_id"], old["sub"], old["amr"]) == (
        new["session_id"],
        new["sub"],
        new["amr"],
    )


def test_an_answer_that_was_lost_is_given_again(project: Project) -> None:
    first = session(project)["refresh_token"]
    second = project.refresh(first).json()["refresh_token"]
    project.now_s += 1000

    assert project.refresh(first).json()["refresh_token"] == second


def test_a_late_reuse_revokes_the_whole_family(project: Project) -> None:
    first = session(project)["refresh_token"]
    second = project.refresh(first).json()["refresh_token"]
    third = project.refresh(second).json()["refresh_token"]
    project.now_s += 10.1

    assert code_of(project.refresh(first)) == (400, "refresh_token_already_used")
    project.now_s += 10.1
    for token in (first, second, third):
        assert code_of(project.refresh(token)) == (400, "refresh_token_already_used")


def test_the_reuse_interval_begins_at_the_use_and_not_at_the_issue(project: Project) -> None:
    first = session(project)["refresh_token"]
    project.now_s += 1000
    project.refresh(project.refresh(first).json()["refresh_token"])
    project.now_s += 10

    assert project.refresh(first).status_code == 200


def test_a_token_that_was_answered_again_is_no_longer_good_for_that(project: Project) -> None:
    first = session(project)["refresh_token"]
    second = project.refresh(first).json()["refresh_token"]
    project.now_s += 9
    assert project.refresh(first).json()["refresh_token"] == second
    project.refresh(second)
    project.now_s += 2

    assert code_of(project.refresh(first)) == (400, "refresh_token_already_used")


def test_the_reuse_interval_is_a_knob_that_turns_while_running(project: Project) -> None:
    first = session(project)["refresh_token"]
    second = project.refresh(first).json()["refresh_token"]
    project.refresh(second)
    project.now_s += 5

    assert project.refresh(first).status_code == 200
    project.switches.turn(Turn({"refresh_reuse_interval_s": 4.0}))
    assert code_of(project.refresh(second)) == (400, "refresh_token_already_used")


def test_a_session_ends_with_its_timebox() -> None:
    project = Project(session_timebox_s=60.0)
    token = session(project)["refresh_token"]
    project.now_s += 60
    token = project.refresh(token).json()["refresh_token"]
    project.now_s += 0.1

    assert code_of(project.refresh(token)) == (400, "session_expired")
    project.store.close()


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("abcdefabcdef", "refresh_token_not_found"),
        ("short", "validation_failed"),
        ("ABCDEFABCDEF", "validation_failed"),
        ("abcdefabcdef\n", "validation_failed"),
        ("", "validation_failed"),
    ],
)
def test_a_refresh_token_that_was_never_issued_is_refused(
    project: Project, token: str, code: str
) -> None:
    assert code_of(project.refresh(token)) == (400, code)


def test_a_user_reads_themselves(project: Project) -> None:
    answer = session(project)
    response = project.ask("GET", "/auth/v1/user", bearer=answer["access_token"])

    assert (response.status_code, response.json()) == (200, answer["user"])


def test_a_token_for_another_audience_reads_nobody(project: Project) -> None:
    bearer, headers = session(project)["access_token"], {"X-JWT-AUD": "other"}
    response = project.ask("GET", "/auth/v1/user", bearer=bearer, headers=headers)

    assert response.status_code == 400
    assert response.json()["error_code"] == "validation_failed"


@pytest.mark.parametrize(
    ("query", "gone"),
    [
        ("", {"mine", "other tab"}),
        ("?scope=global", {"mine", "other tab"}),
        ("?scope=local", {"mine"}),
        ("?scope=others", {"other tab"}),
    ],
)
def test_a_log_out_ends_the_sessions_of_its_scope(
    project: Project, query: str, gone: set[str]
) -> None:
    sessions = {name: session(project) for name in ("mine", "other tab")}
    sessions["other user"] = session(project, "bob@example.com")
    bearer = sessions["mine"]["access_token"]
    response = project.ask("POST", f"/auth/v1/logout{query}", {}, bearer=bearer)

    assert (response.status_code, response.content) == (204, b"")
    for name, one in sessions.items():
        user = project.ask("GET", "/auth/v1/user", bearer=one["access_token"])
        refreshed = project.refresh(one["refresh_token"])
        if name in gone:
            assert code_of(user) == (403, "session_not_found")
            assert code_of(refreshed) == (400, "refresh_token_not_found")
        else:
            assert (user.status_code, refreshed.status_code) == (200, 200)


def test_an_unknown_scope_ends_nothing(project: Project) -> None:
    bearer = session(project)["access_token"]
    response = project.ask("POST", "/auth/v1/logout?scope=all", {}, bearer=bearer)

    assert code_of(response) == (400, "validation_failed")
    assert project.ask("GET", "/auth/v1/user", bearer=bearer).status_code == 200


def test_the_key_set_is_public_and_holds_no_secret(project: Project) -> None:
    response = project.ask("GET", "/auth/v1/.well-known/jwks.json", key=None)

    assert response.json() == {"keys": [EC_KEY.jwk()]}
    assert response.headers["cache-control"] == "public, max-age=600"
    assert SECRET not in response.text


def test_health_names_what_answers(project: Project) -> None:
    assert project.ask("GET", "/auth/v1/health").json()["name"] == "GoTrue"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"email": EMAIL}, (400, "validation_failed")),
        ({"email": "ann", "password": PASSWORD}, (400, "validation_failed")),
        ({"email": "a@b\n", "password": PASSWORD}, (400, "validation_failed")),
        ({"email": f"{'a' * 251}@b.de", "password": PASSWORD}, (400, "validation_failed")),
        ({"email": EMAIL, "password": "x" * 73}, (400, "validation_failed")),
        ({"phone": "+49", "password": PASSWORD}, (400, "phone_provider_disabled")),
        ({"email": EMAIL, "phone": "1", "password": PASSWORD}, (400, "validation_failed")),
        ({"password": PASSWORD}, (422, "anonymous_provider_disabled")),
        ({}, (422, "anonymous_provider_disabled")),
    ],
)
def test_a_sign_up_that_cannot_be_is_refused(
    project: Project, body: Any, expected: tuple[int, str]
) -> None:
    assert code_of(project.ask("POST", SIGN_UP, body)) == expected


@pytest.mark.parametrize(("depth", "status"), [(98, 200), (99, 400), (950, 400)])
def test_what_users_say_about_themselves_is_not_nested_without_end(
    project: Project, depth: int, status: int
) -> None:
    # As text: Python's own encoder would recurse as deep as the data, on top of the test's stack.
    nested = "[" * depth + "1" + "]" * depth
    body = f'{{"email": "{EMAIL}", "password": "{PASSWORD}", "data": {{"x": {nested}}}}}'
    response = project.ask("POST", SIGN_UP, content=body.encode())

    assert response.status_code == status


def test_nobody_signs_up_twice(project: Project) -> None:
    assert project.sign_up().status_code == 200

    assert code_of(project.sign_up("ANN@example.com")) == (422, "user_already_exists")


def test_a_weak_password_says_why(project: Project) -> None:
    response = project.sign_up(password="12345")

    assert response.status_code == 422
    assert response.json() == {
        "code": "weak_password",
        "message": "Password should be at least 6 characters.",
        "weak_password": {"reasons": ["length"]},
    }


@pytest.mark.parametrize("version", ["", "2023-12-31", "soon"])
def test_an_older_client_gets_the_older_shape(project: Project, version: str) -> None:
    headers = {"X-Supabase-Api-Version": version} if version else {}
    response = project.sign_in(headers=headers)

    assert response.status_code == 400
    assert response.json() == {
        "code": 400,
        "error_code": "invalid_credentials",
        "msg": "Invalid login credentials",
    }
    assert response.headers["x-sb-error-code"] == "invalid_credentials"
    assert "x-supabase-api-version" not in response.headers


@pytest.mark.parametrize("path", [TOKEN, REFRESH, SIGN_UP])
@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b'"x"', b'{"email":1,"refresh_token":1}', b"[" * 60_000),
        b'{"x":' * 12_000,
        b'{"email":"\xff","refresh_token":"\xff"}',
        b'{"email":"\\ud800","refresh_token":"\\ud800"}',
    ],
)
def test_what_is_no_request_answers_400(project: Project, path: str, content: bytes) -> None:
    assert code_of(project.ask("POST", path, content=content)) == (400, "bad_json")


@pytest.mark.parametrize("path", [TOKEN, REFRESH, SIGN_UP, "/auth/v1/logout"])
def test_a_body_over_the_knobs_limit_answers_413(path: str) -> None:
    project = Project(max_request_bytes=1000)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 100

    response = project.ask("POST", path, content=chunks())

    assert code_of(response) == (413, "request_entity_too_large")
    assert "max 1000 bytes" in response.json()["message"]
    project.store.close()


def test_an_unexpected_error_is_answered_in_auths_shape(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(AuthStore, "account_by_email", fail)

    assert code_of(project.sign_in()) == (500, "unexpected_failure")


@pytest.mark.parametrize(("origins", "allowed"), [("http://page.test", True), ("", False)])
def test_a_knob_says_whose_pages_may_read_answers(origins: str, allowed: bool) -> None:
    project = Project(cors_origins=origins)
    page = {"Origin": "http://page.test"}
    preflight = {**page, "Access-Control-Request-Method": "POST"}
    answers = [
        project.ask("OPTIONS", TOKEN, key=None, headers=preflight),
        project.ask("GET", "/auth/v1/health", headers=page),
        project.ask("GET", "/auth/v1/health", key=None, headers=page),
        project.sign_in(headers=page),
    ]

    assert [one.status_code for one in answers] == [204, 200, 401, 400]
    for answer in answers:
        may = answer.headers.get("access-control-allow-origin")
        assert may == ("http://page.test" if allowed else None)
        assert "x-request-id" in answer.headers or answer.status_code == 204
    project.store.close()


@pytest.mark.parametrize("grant", ["", "pkce", "id_token", "web3", "nonsense"])
def test_another_grant_is_not_served(project: Project, grant: str) -> None:
    response = project.ask("POST", f"/auth/v1/token?grant_type={grant}", {})

    assert code_of(response) == (400, "invalid_credentials")


def test_a_rate_limit_refuses_with_429() -> None:
    project = Project(auth_rate_limit_per_5min=150)
    answers = [project.refresh("abcdefabcdef").status_code for _ in range(30)]

    assert answers == [400] * 30
    assert code_of(project.refresh("abcdefabcdef")) == (429, "over_request_rate_limit")
    project.now_s += 2
    assert project.refresh("abcdefabcdef").status_code == 400
    project.store.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_an_api_key(project: Project, method: str, path: str) -> None:
    access_token = session(project)["access_token"]
    for key in (None, "nonsense", access_token, f"{anon_token()}x"):
        response = project.ask(method, path, key=key)
        assert response.status_code == 401
        assert set(response.json()) == {"message", "hint"}
        assert response.headers["access-control-allow-origin"] == "*"


def test_an_api_key_in_the_query_is_one_too(project: Project) -> None:
    response = project.ask("GET", f"/auth/v1/health?apikey={anon_token()}", key=None)

    assert response.status_code == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_page_of_another_origin_may_ask(project: Project, method: str, path: str) -> None:
    wanted = "apikey,authorization,content-type,x-client-info,x-supabase-api-version"
    headers = {
        "Origin": "http://page.test",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": wanted,
    }
    response = project.ask("OPTIONS", path, key=None, headers=headers)

    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["access-control-allow-headers"] == wanted
    assert method in response.headers["access-control-allow-methods"]


def test_a_page_of_another_origin_may_read_the_version(project: Project) -> None:
    exposed = project.sign_in().headers["access-control-expose-headers"]

    assert "X-Supabase-Api-Version" in exposed


def test_unknown_routes_and_methods_are_told_apart(project: Project) -> None:
    assert project.ask("GET", "/auth/v1/nothing").status_code == 404
    assert project.ask("GET", "/auth/v1/token").status_code == 405


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "user"), ("POST", "otp"), ("POST", "recover"), ("GET", "admin/users")],
)
def test_what_a_real_project_serves_besides_is_refused_in_words(
    project: Project, method: str, path: str
) -> None:
    response = project.ask(method, f"/auth/v1/{path}", None if method == "GET" else {})

    assert code_of(response) == (404, "not_implemented")
    assert path in response.json()["message"]
