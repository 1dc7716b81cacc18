"""The accounts of a run whose access tokens end (H9): made by the server before anybody starts."""

from __future__ import annotations

import msgspec

from harness.errors import RigError
from harness.server.auth.bulk import Enrolled, Enrolment
from harness.tokens import user_uuid
from scenarios.model import Scenario
from scenarios.population import population

_encode_lines = msgspec.json.Encoder().encode_lines
_decode = msgspec.json.Decoder(Enrolled).decode


def account_lines(scenario: Scenario) -> bytes:
    """The body of ``POST /accounts``: each user of the run, in the order of their indices."""
    return _encode_lines(
        Enrolment(
            email=f"user-{member.user}@chatquake.example",
            webinars={str(member.room): member.persona.role},
            id=user_uuid(scenario.seed, member.user),
        )
        for member in population(scenario)
    )


def refresh_tokens(answer: bytes, users: int) -> tuple[str, ...]:
    """The refresh token of each user, from the answer. Raises :class:`RigError`."""
    lines = answer.splitlines()
    if len(lines) != users:
        raise RigError(f"the server made {len(lines)} accounts for {users} users")
    try:
        return tuple(_decode(line).refresh_token for line in lines)
    except msgspec.DecodeError as error:
        raise RigError(f"the server could not make an account for a user: {error}") from None
