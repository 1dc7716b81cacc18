from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.server.knobs import Knobs
from harness.server.realtime.handshake import Admission, Denial, Gate, Hang, Verdict
from harness.server.realtime.quotas import Quotas, plan
from harness.server.switches import Switches
from tests.harness.server.builders import TOKENS, anon_token, user_token


def gate(**knobs: Any) -> Gate:
    switches = Switches(Knobs(**knobs))
    return Gate(TOKENS, switches, Quotas(lambda: plan(switches.knobs.plan)))


def admit(
    query: Mapping[str, str], headers: Mapping[str, str] | None = None, now_s: float = 0.0
) -> Verdict:
    return gate().admit(query, headers or {}, now_s)


@pytest.mark.parametrize(
    ("vsn", "spoken"), [(None, "1.0.0"), ("1.0.0", "1.0.0"), ("2.0.0", "2.0.0"), ("2.0.1", "2.0.0")]
)
def test_the_serializer_follows_from_vsn(vsn: str | None, spoken: str) -> None:
    query = {"apikey": anon_token()} | ({} if vsn is None else {"vsn": vsn})

    verdict = admit(query)

    assert isinstance(verdict, Admission)
    assert verdict.vsn == spoken
    assert verdict.claims.access.database_role == "anon"


@pytest.mark.parametrize("vsn", ["", "3.0.0", "2.1.0", "2"])
def test_an_unknown_vsn_is_denied_with_an_empty_403(vsn: str) -> None:
    assert admit({"apikey": anon_token(), "vsn": vsn}) == Denial(403, None)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({}, "API key is missing"),
        ({"apikey": ""}, "The token provided is not a valid JWT"),
        ({"apikey": user_token(lifetime_s=5)}, "Token has expired"),
        ({"apikey": "nonsense"}, "The token provided is not a valid JWT"),
        ({"apikey": anon_token() + "x"}, "Failed to validate JWT signature"),
    ],
)
def test_a_bad_api_key_is_denied_with_401_and_the_reason(query: dict[str, str], error: str) -> None:
    assert admit(query, now_s=60.0) == Denial(401, error)


def test_the_header_wins_over_the_query() -> None:
    verdict = admit({"apikey": "nonsense"}, {"x-api-key": anon_token()})

    assert isinstance(verdict, Admission)


def test_a_denial_has_a_json_body_that_says_why() -> None:
    denial = Denial(401, "API key is missing")

    assert denial.body == b'{"error":"API key is missing"}'
    assert denial.headers == [(b"content-type", b"application/json; charset=utf-8")]
    assert Denial(403).body == b""


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_forced_status_of_realtime_says_why(status: Any) -> None:
    verdict = gate(handshake_status=status).admit({"apikey": anon_token()}, {}, 0.0)

    assert isinstance(verdict, Denial)
    assert verdict.status == status
    assert verdict.error


@pytest.mark.parametrize("status", [200, 400, 426])
def test_a_proxy_that_strips_upgrade_answers_with_an_empty_body(status: Any) -> None:
    assert gate(handshake_status=status).admit({"apikey": anon_token()}, {}, 0.0) == Denial(status)


def test_a_handshake_can_be_left_hanging() -> None:
    assert gate(handshake_hang=True).admit({"apikey": anon_token()}, {}, 0.0) == Hang()


def test_a_project_with_all_its_connections_in_use_denies_more_with_429() -> None:
    full = gate(plan="free")
    for number in range(200):
        full.quotas.count_connection(number)

    assert full.admit({"apikey": anon_token()}, {}, 0.0) == Denial(429, "Too many connected users")
    full.quotas.forget_connection(7)
    assert isinstance(full.admit({"apikey": anon_token()}, {}, 0.0), Admission)


def test_a_project_with_too_many_joins_denies_handshakes_with_429() -> None:
    busy = gate(plan="free")
    busy.quotas.joins.add(1000, 0.0)

    assert busy.admit({"apikey": anon_token()}, {}, 5.0) == Denial(429, "Too many joins per second")
