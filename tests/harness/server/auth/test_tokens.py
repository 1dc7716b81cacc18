from __future__ import annotations

from typing import Any

import jwt
import pytest

from harness.server.auth.jws import sign
from harness.server.auth.tokens import _MAX_KNOWN, Claims, Refusal, Tokens
from harness.server.knobs import Knobs
from harness.server.switches import Switches
from harness.server.walltime import WallTime
from harness.tokens import mint_service_role
from tests.harness.server.auth.project import EC_KEY, bad_tokens, unsigned
from tests.harness.server.builders import SECRET, TOKENS, UNIX_START_S, USER, user_token

GOOD = {"sub": USER, "role": "authenticated", "exp": UNIX_START_S + 60}


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


@pytest.mark.parametrize("subject", [None, 7, ["ann"], {}])
def test_a_subject_that_is_no_text_is_nobody(subject: Any) -> None:
    verdict = TOKENS.verify(signed({**GOOD, "sub": subject}), 0.0)

    assert isinstance(verdict, Claims)
    assert verdict.user_id == ""


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
        (user_token() + "\udcff", "malformed"),
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


def tokens(**knobs: Any) -> Tokens:
    return Tokens(SECRET, WallTime(UNIX_START_S), EC_KEY, Switches(Knobs(**knobs)))


@pytest.mark.parametrize("name", list(bad_tokens(GOOD, UNIX_START_S)))
def test_no_bad_token_is_believed_at_first_or_again(name: str) -> None:
    judge, bad = tokens(), bad_tokens(GOOD, UNIX_START_S)[name]
    assert isinstance(judge.verify(sign(GOOD, SECRET), 0.0), Claims)

    assert isinstance(judge.verify(bad, 0.0), Refusal)
    assert isinstance(judge.verify(bad, 0.0), Refusal)


def test_a_token_of_the_key_pair_is_believed() -> None:
    verdict = tokens().verify(sign(GOOD, EC_KEY), 0.0)

    assert isinstance(verdict, Claims)
    assert verdict.user_id == USER


def test_a_token_that_was_believed_once_still_expires() -> None:
    judge, token = tokens(), sign(GOOD, SECRET)
    assert isinstance(judge.verify(token, 59.0), Claims)

    assert judge.verify(token, 97.5) == Refusal("expired", "Token has expired 37 seconds ago")


def test_what_is_remembered_is_bounded_and_the_oldest_goes() -> None:
    judge, oldest, newest = tokens(), sign(GOOD, SECRET), sign(GOOD, EC_KEY)
    judge.verify(oldest, 0.0)
    (known,) = judge._known.values()
    judge._known.update((str(number), known) for number in range(_MAX_KNOWN - 1))

    assert isinstance(judge.verify(newest, 0.0), Claims)
    assert len(judge._known) == _MAX_KNOWN
    assert oldest not in judge._known
    assert newest in judge._known


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            {"alg": "none"},
            "Failed to generate JWT signer, check your JWT secret or JWKS configuration",
        ),
        (
            {"alg": "ES256", "kid": "k1"},
            'Failed to generate JWT signer for key ID (kid) "k1",'
            " check your JWT secret or JWKS configuration",
        ),
    ],
)
def test_a_token_without_a_key_of_ours_says_which(header: dict[str, str], message: str) -> None:
    verdict = tokens().verify(f"{unsigned(header, GOOD)}.AAAA", 0.0)

    assert isinstance(verdict, Refusal)
    assert (verdict.handshake_status, verdict.handshake_error) == (401, message)
    assert verdict.join_reason == f"JwtSignerError: {message}"


def test_an_end_with_decimals_is_rounded() -> None:
    verdict = tokens().verify(sign({**GOOD, "exp": UNIX_START_S + 59.6}, SECRET), 0.0)

    assert isinstance(verdict, Claims)
    assert verdict.expires_s == 60.0


def test_realtime_does_not_look_at_nbf() -> None:
    later = {**GOOD, "nbf": UNIX_START_S + 30}

    assert isinstance(tokens().verify(sign(later, SECRET), 0.0), Claims)


@pytest.mark.parametrize("skew_s", [-20.0, 20.0])
def test_a_skewed_clock_ends_tokens_early_or_late(skew_s: float) -> None:
    judge, token = tokens(clock_skew_s=skew_s), sign(GOOD, SECRET)
    last = judge.verify(token, 59.9 - skew_s)

    assert isinstance(last, Claims)
    assert last.expires_s == 60.0 - skew_s
    assert isinstance(judge.verify(token, 60.0 - skew_s), Refusal)


@pytest.mark.parametrize(("issuer", "believed"), [("https://ours", True), ("https://x", False)])
def test_the_issuer_counts_only_where_one_is_required(issuer: str, believed: bool) -> None:
    token = sign({**GOOD, "iss": issuer}, SECRET)
    assert isinstance(tokens().verify(token, 0.0), Claims)
    verdict = tokens(required_issuer="https://ours").verify(token, 0.0)

    assert isinstance(verdict, Claims) is believed
    if isinstance(verdict, Refusal):
        assert (verdict.handshake_status, verdict.handshake_error) == (
            500,
            "Error connecting to Realtime",
        )
        assert verdict.join_reason == "Unknown Error on Channel"


def test_a_token_without_an_issuer_is_not_held_to_one() -> None:
    assert isinstance(
        tokens(required_issuer="https://ours").verify(sign(GOOD, SECRET), 0.0), Claims
    )


def test_the_secret_api_key_reads_everything_and_writes_as_nobody() -> None:
    key = mint_service_role(SECRET, issued_at_unix_s=UNIX_START_S)
    verdict = tokens().verify(key, 0.0)

    assert isinstance(verdict, Claims)
    assert (verdict.user_id, verdict.access.database_role) == ("", "service_role")
    assert verdict.access.may_read(42)
    assert not verdict.access.may_write(42)


def test_keys_are_not_in_the_repr() -> None:
    assert SECRET not in repr(tokens())
