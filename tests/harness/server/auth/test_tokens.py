from __future__ import annotations

from typing import Any

import jwt
import pytest

from harness.server.auth.tokens import Claims, Refusal
from tests.harness.server.builders import SECRET, TOKENS, UNIX_START_S, USER, user_token


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def test_a_valid_token_names_its_user_until_it_expires() -> None:
    verdict = TOKENS.verify(user_token(lifetime_s=60), 59.9)

    assert isinstance(verdict, Claims)
    assert (verdict.user_id, verdict.access.database_role, verdict.expires_s) == (
        USER,
        "authenticated",
        60.0,
    )


def test_a_token_is_expired_from_the_second_of_its_exp() -> None:
    verdict = TOKENS.verify(user_token(lifetime_s=60), 60.0)

    assert isinstance(verdict, Refusal)
    assert verdict.message == "Token has expired 0 seconds ago"
    assert verdict.handshake_error == "Token has expired"
    assert verdict.join_reason == "InvalidJWTToken: Token has expired 0 seconds ago"


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("", "malformed"),
        ("a.b.c", "malformed"),
        ("\ud800", "malformed"),
        (signed({"role": "x", "exp": UNIX_START_S + 60}, "y" * 40), "signature"),
        (signed({"role": "x", "exp": UNIX_START_S + 60}, SECRET * 2, "HS512"), "signature"),
        (signed({"role": "x"}), "claims"),
        (signed({"exp": UNIX_START_S + 60}), "claims"),
        (signed({"role": "x", "exp": "soon"}), "claims"),
        (signed({"role": "x", "exp": True}), "claims"),
        (signed({"role": "x", "exp": 10**400}), "claims"),
    ],
)
def test_a_token_that_proves_nothing_is_refused(token: str, kind: str) -> None:
    verdict = TOKENS.verify(token, 0.0)

    assert isinstance(verdict, Refusal)
    assert verdict.kind == kind
