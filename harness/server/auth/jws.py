"""Signed tokens: which key a token must be signed with, and whether it is.

Two keys sign for a project: its secret (HS256), which nobody else may know, and a P-256 key pair
(ES256), whose public half everybody may have. A token's header says which one it wants to be
checked with; it never gets to choose how that key is used.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid5

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.api_jws import PyJWS

from harness.errors import UsageError

Algorithm = Literal["HS256", "ES256"]
"""What a session's access tokens may be signed with."""

_KEY_IDS = UUID("4f0f3b66-6d3b-5a4e-8f0e-7d2f0d8a9c51")
_COORDINATE_BYTES = 32
_LAST_UNIX_S = 2**53
"""A later time is no date; a float would not even hold it."""


@dataclass(frozen=True)
class EcKey:
    """A project's P-256 key pair."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def kid(self) -> str:
        """The key's id: a UUID that follows from its public half, so it outlives a restart."""
        point = self.private.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return str(uuid5(_KEY_IDS, point.hex()))

    def pem(self) -> str:
        """The private half as :func:`parse_ec_key` reads it."""
        text = self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return text.decode()

    def jwk(self) -> dict[str, Any]:
        """The public half as JSON Web Key Sets have it."""
        numbers = self.private.public_key().public_numbers()
        return {
            "alg": "ES256",
            "crv": "P-256",
            "key_ops": ["verify"],
            "kid": self.kid,
            "kty": "EC",
            "use": "sig",
            "x": _coordinate(numbers.x),
            "y": _coordinate(numbers.y),
        }


def new_ec_key() -> EcKey:
    """A fresh key pair."""
    return EcKey(ec.generate_private_key(ec.SECP256R1()))


def parse_ec_key(pem: str) -> EcKey:
    """Read a private key. Raises :class:`UsageError` for anything but a P-256 key in PEM."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError("JWT private key: is no private key in PEM without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError("JWT private key: must be an elliptic curve key on P-256")
    return EcKey(key)


@dataclass(frozen=True)
class Opened:
    """What a token with a good signature says. Nothing else of it is checked."""

    header: dict[str, Any]
    claims: dict[str, Any]


@dataclass(frozen=True)
class Unopened:
    """Why a token's signature proves nothing."""

    kind: Literal["malformed", "no key", "signature"]
    algorithm: Any = None
    """As its header has it."""
    kid: Any = None
    """As its header has it."""


def open_token(token: str, secret: str, ec_key: EcKey | None) -> Opened | Unopened:
    """Check ``token``'s signature.

    HS256 is always checked with the secret, and ES256 with the public key whose id it names, so
    a public key never serves as a secret.
    """
    parts = _peek(token)
    if parts is None:
        return Unopened("malformed")
    algorithm, kid = parts.header.get("alg"), parts.header.get("kid")
    key: Any
    if algorithm == "HS256":
        key = secret.encode()
    elif algorithm == "ES256" and ec_key is not None and kid == ec_key.kid:
        key = ec_key.private.public_key()
    elif algorithm in ("HS384", "HS512"):
        # Realtime would try the secret with these too; nobody signs with them.
        return Unopened("signature", algorithm, kid)
    else:
        return Unopened("no key", algorithm, kid)
    try:
        PyJWS().decode_complete(token, key, algorithms=[algorithm])
    except jwt.InvalidSignatureError:
        return Unopened("signature", algorithm, kid)
    except jwt.InvalidTokenError:
        return Unopened("malformed", algorithm, kid)
    return parts


def numeric_date(value: Any) -> float | None:
    """A claim as a Unix time, which may have decimals; ``None`` for what is no date."""
    if type(value) not in (int, float) or not -_LAST_UNIX_S <= value <= _LAST_UNIX_S:
        return None
    return float(value)


def sign(claims: dict[str, Any], key: str | EcKey) -> str:
    """A token: ES256 by a key pair, HS256 by a secret."""
    if isinstance(key, EcKey):
        return jwt.encode(claims, key.private, algorithm="ES256", headers={"kid": key.kid})
    return jwt.encode(claims, key, algorithm="HS256")


def _peek(token: str) -> Opened | None:
    """The token's parts, unchecked; ``None`` where it has not three, or they are no objects."""
    segments = token.split(".")
    if len(segments) != 3 or not token.isascii():
        return None
    try:
        header, claims = (json.loads(_base64url(text)) for text in segments[:2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return Opened(header, claims)


def _base64url(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(_COORDINATE_BYTES)).rstrip(b"=").decode()
