"""Accounts for the users of a run whose access tokens end."""

from __future__ import annotations

import msgspec
import pytest

from harness.errors import RigError
from harness.server.auth.bulk import parse_enrolments
from harness.tokens import user_uuid
from scenarios.accounts import account_lines, refresh_tokens
from scenarios.model import load_scenario
from scenarios.population import population
from tests.support.fake_runtime import small_scenario


def enrolled(token: str) -> bytes:
    return msgspec.json.encode(
        {
            "email": "user@chatquake.example",
            "user_id": "…",
            "access_token": "a",
            "refresh_token": token,
            "expires_at": 1,
        }
    )


def test_each_user_has_an_account_of_their_own_id_and_part_that_the_server_accepts() -> None:
    scenario = load_scenario("four-policies")

    enrolments = parse_enrolments(account_lines(scenario))

    members = population(scenario)
    assert len({one.email for one in enrolments}) == len(members) == 80
    for member, one in zip(members, enrolments, strict=True):
        assert one.id == user_uuid(scenario.seed, member.user)
        assert one.webinars == {str(member.room): member.persona.role}


def test_the_accounts_of_a_scenario_are_the_same_bytes_each_time() -> None:
    assert account_lines(small_scenario(9)) == account_lines(small_scenario(9))


def test_refresh_tokens_are_in_the_order_of_the_users() -> None:
    answer = enrolled("r0") + b"\n" + enrolled("r1") + b"\n"

    assert refresh_tokens(answer, users=2) == ("r0", "r1")


def test_an_answer_for_fewer_users_is_the_rigs_fault() -> None:
    with pytest.raises(RigError, match="made 1 accounts for 2 users"):
        refresh_tokens(enrolled("r0"), users=2)


def test_an_account_that_could_not_be_made_is_the_rigs_fault() -> None:
    with pytest.raises(RigError, match="could not make an account"):
        refresh_tokens(b'{"email":"user@chatquake.example","error":"no"}', users=1)
