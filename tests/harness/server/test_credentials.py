from __future__ import annotations

import pytest

from harness.server.credentials import api_key_of, bearer_of


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer a", "a"),
        ("bEARER a.b", "a.b"),
        ("Bearer  a b", " a b"),
        ("Bearer ", ""),
        ("Bearer", ""),
        ("Basic a", None),
        ("Bearer\ta", None),
        ("", None),
    ],
)
def test_the_bearer_token_stands_behind_its_scheme(header: str, token: str | None) -> None:
    assert bearer_of({"authorization": header}) == token
    assert bearer_of({}) is None


def test_the_keys_header_goes_before_its_parameter_and_an_empty_one_is_none() -> None:
    assert api_key_of({"apikey": "a"}, {"apikey": "b"}) == "a"
    assert api_key_of({"apikey": ""}, {"apikey": "b"}) == "b"
    assert api_key_of({"apikey": ""}, {"apikey": ""}) is None
    assert api_key_of({}) is None
