"""Every kind of bad token against every route of Auth that looks at tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from harness.server.auth.jws import EcKey, sign
from harness.server.auth.tokens import Claims
from tests.harness.server.auth.project import (
    CURRENT,
    EC_KEY,
    NOW_UNIX_S,
    Project,
    bad_tokens,
    claims_in,
    code_of,
)
from tests.harness.server.builders import SECRET, anon_token

ROUTES = [("GET", "/auth/v1/user"), ("POST", "/auth/v1/logout")]
_SOMEBODY = {"sub": "x", "role": "authenticated", "exp": NOW_UNIX_S + 60}


def claims_of(project: Project) -> dict[str, Any]:
    return claims_in(project.enrol().access.token)


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("key", [SECRET, EC_KEY], ids=["HS256", "ES256"])
def test_the_claims_are_good_when_they_are_signed(method: str, path: str, key: str | EcKey) -> None:
    project = Project()
    response = project.ask(method, path, bearer=sign(claims_of(project), key))

    assert response.status_code in (200, 204)
    project.store.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("name", list(bad_tokens(_SOMEBODY, NOW_UNIX_S)))
def test_a_bad_token_opens_nothing(method: str, path: str, name: str) -> None:
    project = Project()
    claims = claims_of(project)
    bad = bad_tokens(claims, project.now_unix_s)[name]
    response = project.ask(method, path, bearer=bad)

    expected = (401, "no_authorization") if not bad else (403, "bad_jwt")
    assert code_of(response) == expected
    assert project.store.session(claims["session_id"]) is not None
    project.store.close()


Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda claims: {**claims, "nbf": NOW_UNIX_S + 1}, (403, "bad_jwt")),
        (lambda claims: {**claims, "exp": NOW_UNIX_S}, (403, "bad_jwt")),
        (lambda claims: {**claims, "exp": "soon"}, (403, "bad_jwt")),
        (lambda claims: {**claims, "exp": 10**400}, (403, "bad_jwt")),
        (lambda claims: {**claims, "sub": ""}, (403, "bad_jwt")),
        (lambda claims: {**claims, "sub": ["x"]}, (400, "bad_jwt")),
        (lambda claims: {**claims, "sub": "ann"}, (400, "bad_jwt")),
        (lambda claims: {**claims, "sub": claims["session_id"]}, (403, "user_not_found")),
        (lambda claims: {**claims, "session_id": claims["sub"]}, (403, "session_not_found")),
        (lambda claims: {**claims, "session_id": "x"}, (403, "bad_jwt")),
    ],
    ids=[
        *("not yet", "just expired", "exp text", "exp huge", "sub empty", "sub list", "sub text"),
        *("sub unknown", "session unknown", "session text"),
    ],
)
def test_a_signed_token_that_says_the_wrong_thing_opens_nothing(
    method: str, path: str, change: Change, expected: tuple[int, str]
) -> None:
    project = Project()
    bearer = sign(change(claims_of(project)), SECRET)

    assert code_of(project.ask(method, path, bearer=bearer)) == expected
    project.store.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_secret_does_not_sign_for_the_key_pair(method: str, path: str) -> None:
    project = Project()
    claims = claims_in(project.enrol().access.token)
    bearer = jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": EC_KEY.kid})

    assert code_of(project.ask(method, path, bearer=bearer)) == (403, "bad_jwt")
    # Realtime looks for a secret of that id, finds none, and takes the project's.
    assert isinstance(project.tokens.verify(bearer, project.now_s), Claims)
    project.store.close()


def test_a_session_of_somebody_else_is_not_ended() -> None:
    project = Project()
    ann, bob = project.enrol("ann@example.com"), project.enrol("bob@example.com")
    bobs = project.store.refresh_token(bob.refresh_token)
    assert bobs is not None
    bearer = sign({"sub": ann.account.id, "session_id": bobs.session_id}, SECRET)
    project.ask("POST", "/auth/v1/logout?scope=local", bearer=bearer)

    assert project.store.session(bobs.session_id) is not None
    project.store.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic x", "Bearer a b", "Bearera.b.c"]
)
def test_without_a_bearer_token_both_routes_answer_401(
    method: str, path: str, authorization: str | None
) -> None:
    project = Project()
    headers = {**CURRENT, **({} if authorization is None else {"Authorization": authorization})}
    response = project.ask(method, path, headers=headers)

    assert code_of(response) == (401, "no_authorization")
    project.store.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_public_api_key_is_no_user(method: str, path: str) -> None:
    project = Project()
    response = project.ask(method, path, bearer=anon_token())

    assert code_of(response) == (403, "bad_jwt")
    project.store.close()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_wrong_issuer_does_not_matter_as_on_a_real_project(method: str, path: str) -> None:
    project = Project()
    bearer = sign({**claims_of(project), "iss": "https://elsewhere.test/auth/v1"}, SECRET)

    assert project.ask(method, path, bearer=bearer).status_code in (200, 204)
    project.store.close()
