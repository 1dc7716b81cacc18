"""Every role against every route of Auth, with every kind of token and key.

Auth serves accounts, not webinars: whoever has the public key may sign up and sign in, and with a
session see and end what is its own. What a bearer may do in webinars changes nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec
import pytest

from harness.server.auth.accounts import hash_password
from harness.server.auth.jws import sign
from harness.server.auth.routes import JWKS_PATH, PREFIX, SERVED
from harness.server.auth.service import Granted
from tests.harness.server.askers import (
    ASKERS,
    BAD_TOKENS,
    Expected,
    Forge,
    claims_of,
    endless,
    expected,
    roleless,
    valid,
)
from tests.harness.server.auth.project import Project, claims_in
from tests.harness.server.builders import SECRET

USERS = tuple(name for name, (_, user_id, _) in ASKERS.items() if user_id)
SOMEBODY_ELSE = "somebody.else@example.com"
PASSWORD_HASH = hash_password("secret-1")

ALL: Expected = (200, True)
TABLE: Mapping[tuple[str, str], dict[str, Expected]] = {
    # Happened: a session was given, the bearer's own account shown, its own session ended.
    ("POST", "token"): expected(ALL),
    ("POST", "signup"): expected(ALL),
    ("GET", "user"): expected((403, False), *USERS),
    ("POST", "logout"): expected((403, False), *USERS, ok=(204, True)),
    ("GET", "health"): expected((200, False)),
    ("GET", JWKS_PATH): expected((200, False)),
}
WITH_BEARER = [("GET", "user"), ("POST", "logout")]
KEYLESS = {("GET", JWKS_PATH)}
UNSERVED = [
    ("PUT", "user"),
    ("GET", "admin/users"),
    ("POST", "admin/users"),
    ("DELETE", "admin/users/11111111-1111-4111-8111-111111111111"),
    ("POST", "admin/generate_link"),
    ("POST", "recover"),
    ("POST", "otp"),
    ("POST", "invite"),
]
"""What would be dangerous if it were served to whoever asks."""
# Auth wants no role and no exp of a token (tests of its bearers say so).
BAD_FOR_AUTH: list[Forge] = [one for one in BAD_TOKENS if one not in (roleless, endless)]


class Signed:
    """A project where the asker has a session, if it is a user, and somebody else has one."""

    def __init__(self, asker: str) -> None:
        self.project = project = Project()
        _, user_id, webinars = ASKERS[asker]
        self.own: Granted | None = None
        with project.store.transaction():
            self.elses = project.auth.enrol(
                SOMEBODY_ELSE, {}, project.now_unix_s, password_hash=PASSWORD_HASH
            )
            if user_id:
                self.own = project.auth.enrol(
                    "own@example.com", dict(webinars), project.now_unix_s, account_id=user_id
                )
        self.claims = {**claims_of(asker), "aud": "authenticated"}
        if self.own is not None:
            self.claims |= {"session_id": claims_in(self.own.access.token)["session_id"]}

    def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        query, body = "", None
        if path == "token":
            query = "?grant_type=password"
            body = {"email": SOMEBODY_ELSE, "password": "secret-1"}
        if path == "signup":
            body = {"email": "new@example.com", "password": "secret-1"}
        return self.project.ask(method, f"{PREFIX}/{path}{query}", body, **how)

    def sessions(self) -> set[str]:
        """Whose sessions there are still."""
        both = {"own": self.own, "else": self.elses}
        return {
            name
            for name, granted in both.items()
            if granted is not None
            and self.project.store.session(claims_in(granted.access.token)["session_id"])
        }

    def happened(self, method: str, path: str, answer: httpx.Response) -> bool:
        if (method, path) == ("GET", "user"):
            shown = answer.json().get("id") if answer.status_code == 200 else None
            assert shown in (None, self.claims.get("sub"))
            return shown is not None
        if path == "logout":
            return "own" not in self.sessions() and self.own is not None
        if path in ("token", "signup") and answer.status_code == 200:
            # The session of whom the body names, whoever asks.
            email = SOMEBODY_ELSE if path == "token" else "new@example.com"
            claims = claims_in(answer.json()["access_token"])
            assert (claims["email"], claims["role"]) == (email, "authenticated")
            assert (
                "webinars" not in claims["app_metadata"] or not claims["app_metadata"]["webinars"]
            )
            return True
        assert b"access_token" not in answer.content
        return False


@pytest.fixture
def signed(request: pytest.FixtureRequest) -> Iterator[Signed]:
    made = Signed(request.param)
    yield made
    made.project.store.close()


EVERYBODY = pytest.mark.parametrize(
    ("signed", "asker"), [(one, one) for one in ASKERS], indirect=["signed"]
)


def test_the_table_has_every_route_and_every_role() -> None:
    assert set(TABLE) == set(SERVED)
    assert all(set(row) == set(ASKERS) for row in TABLE.values())


@EVERYBODY
@pytest.mark.parametrize(("method", "path"), list(TABLE))
def test_a_role_may_do_what_the_table_says_and_no_more(
    signed: Signed, asker: str, method: str, path: str
) -> None:
    answer = signed.ask(method, path, bearer=valid(signed.claims))

    assert (answer.status_code, signed.happened(method, path, answer)) == TABLE[method, path][asker]
    assert "else" in signed.sessions()


@EVERYBODY
@pytest.mark.parametrize("forge", BAD_FOR_AUTH)
@pytest.mark.parametrize(("method", "path"), WITH_BEARER)
def test_a_bad_token_opens_nothing_whoever_it_claims_to_be(
    signed: Signed, asker: str, method: str, path: str, forge: Forge
) -> None:
    before = signed.sessions()
    answer = signed.ask(method, path, bearer=forge(signed.claims))

    assert answer.status_code == 403, asker
    assert not signed.happened(method, path, answer)
    assert signed.sessions() == before


@EVERYBODY
@pytest.mark.parametrize("forge", BAD_TOKENS)
@pytest.mark.parametrize(("method", "path"), [one for one in TABLE if one not in KEYLESS])
def test_a_bad_key_opens_nothing_whoever_stands_behind_it(
    signed: Signed, asker: str, method: str, path: str, forge: Forge
) -> None:
    before = signed.sessions()
    bearer = valid(signed.claims)
    for key in (forge(claims_of("anon")), forge(claims_of("service")), valid(claims_of("author"))):
        answer = signed.ask(method, path, bearer=bearer, key=key)

        assert answer.status_code == 401, asker
        assert set(answer.json()) == {"message", "hint"}
    assert signed.sessions() == before
    assert signed.project.store.account_by_email("new@example.com") is None


@EVERYBODY
@pytest.mark.parametrize(("method", "path"), UNSERVED)
def test_what_changes_accounts_is_served_to_nobody(
    signed: Signed, asker: str, method: str, path: str
) -> None:
    answer = signed.ask(method, path, bearer=valid(signed.claims), key=valid(claims_of("service")))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_implemented"), asker


def test_nobody_refreshes_a_session_without_its_own_refresh_token() -> None:
    signed = Signed("presenter")
    assert signed.own is not None
    bearer = sign(signed.claims, SECRET)
    answer = signed.project.refresh("a" * 12, bearer=bearer)
    assert (answer.status_code, answer.json()["code"]) == (400, "refresh_token_not_found")

    # With somebody else's, it is somebody else's session, whatever the bearer is.
    answer = signed.project.refresh(signed.elses.refresh_token, bearer=bearer)
    assert msgspec.json.decode(answer.content)["user"]["email"] == SOMEBODY_ELSE
    signed.project.store.close()
