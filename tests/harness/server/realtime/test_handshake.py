from __future__ import annotations

import pytest

from harness.server.realtime.handshake import Admission, Denial, admit
from tests.harness.server.builders import TOKENS, anon_token, user_token


@pytest.mark.parametrize(
    ("vsn", "spoken"), [(None, "1.0.0"), ("1.0.0", "1.0.0"), ("2.0.0", "2.0.0"), ("2.0.1", "2.0.0")]
)
def test_the_serializer_follows_from_vsn(vsn: str | None, spoken: str) -> None:
    query = {"apikey": anon_token()} | ({} if vsn is None else {"vsn": vsn})

    verdict = admit(query, {}, TOKENS, 0.0)

    assert isinstance(verdict, Admission)
    assert verdict.vsn == spoken
    assert verdict.claims.access.database_role == "anon"


@pytest.mark.parametrize("vsn", ["", "3.0.0", "2.1.0", "2"])
def test_an_unknown_vsn_is_denied_with_an_empty_403(vsn: str) -> None:
    assert admit({"apikey": anon_token(), "vsn": vsn}, {}, TOKENS, 0.0) == Denial(403, None)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({}, "API key is missing"),
        ({"apikey": ""}, "API key is missing"),
        ({"apikey": user_token(lifetime_s=5)}, "Token has expired"),
        ({"apikey": "nonsense"}, "The token provided is not a valid JWT"),
        ({"apikey": anon_token() + "x"}, "Failed to validate JWT signature"),
    ],
)
def test_a_bad_api_key_is_denied_with_401_and_the_reason(query: dict[str, str], error: str) -> None:
    assert admit(query, {}, TOKENS, 60.0) == Denial(401, error)


def test_the_header_wins_over_the_query() -> None:
    verdict = admit({"apikey": "nonsense"}, {"x-api-key": anon_token()}, TOKENS, 0.0)

    assert isinstance(verdict, Admission)
