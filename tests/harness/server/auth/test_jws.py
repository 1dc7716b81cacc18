from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.server.auth.jws import (
    EcKey,
    Opened,
    Unopened,
    new_ec_key,
    numeric_date,
    open_token,
    parse_ec_key,
    sign,
)
from tests.harness.server.auth.project import EC_KEY, bad_tokens, unsigned
from tests.harness.server.builders import SECRET

CLAIMS = {"sub": "ann", "role": "authenticated", "exp": 2_000_000_000}


@pytest.mark.parametrize("key", [SECRET, EC_KEY], ids=["HS256", "ES256"])
def test_what_either_key_signed_opens(key: str | EcKey) -> None:
    opened = open_token(sign(CLAIMS, key), SECRET, EC_KEY)

    assert isinstance(opened, Opened)
    assert opened.claims == CLAIMS


@pytest.mark.parametrize(
    "name", [name for name in bad_tokens(CLAIMS, 0.0) if not name.startswith("expired")]
)
def test_what_neither_key_signed_does_not_open(name: str) -> None:
    assert isinstance(open_token(bad_tokens(CLAIMS, 0.0)[name], SECRET, EC_KEY), Unopened)


def test_without_a_key_pair_only_the_secret_opens() -> None:
    assert open_token(sign(CLAIMS, EC_KEY), SECRET, None) == Unopened("no key", "ES256", EC_KEY.kid)


@given(st.text())
def test_no_text_at_all_raises(token: str) -> None:
    assert open_token(token, SECRET, EC_KEY) == Unopened("malformed")


@pytest.mark.parametrize("odd", ["\udcff", "é"])
def test_a_token_with_anything_but_ascii_is_malformed(odd: str) -> None:
    token = sign(CLAIMS, SECRET)

    for place in (0, token.index(".") + 1, len(token)):
        changed = token[:place] + odd + token[place:]
        assert open_token(changed, SECRET, EC_KEY) == Unopened("malformed")


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists), st.binary())
def test_no_header_and_signature_raise(algorithm: object, signature: bytes) -> None:
    token = f"{unsigned({'alg': algorithm, 'kid': algorithm}, CLAIMS)}.{signature.hex()}"

    assert isinstance(open_token(token, SECRET, EC_KEY), Unopened)


def test_a_key_that_is_read_back_has_the_same_id() -> None:
    again = parse_ec_key(EC_KEY.pem())

    assert again.kid == EC_KEY.kid
    assert new_ec_key().kid != EC_KEY.kid
    assert isinstance(open_token(sign(CLAIMS, again), SECRET, EC_KEY), Opened)


def test_the_public_half_holds_nothing_of_the_private_one() -> None:
    number = EC_KEY.private.private_numbers().private_value

    assert "d" not in EC_KEY.jwk()
    assert f"{number:x}" not in json.dumps(EC_KEY.jwk())
    assert str(number) not in repr(EC_KEY)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no private key in PEM"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is no private key"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "must be an elliptic curve key on P-256"),
    ],
)
def test_another_key_than_p256_is_bad_usage(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_ec_key(text)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        *((5, 5.0), (5.5, 5.5), (-5, -5.0)),
        *((True, None), ("5", None), (None, None), (10**400, None)),
        *((float("nan"), None), (float("inf"), None)),
    ],
)
def test_a_date_is_a_number_that_a_float_holds(claim: object, expected: float | None) -> None:
    assert numeric_date(claim) == expected
