from __future__ import annotations

import pytest

from harness.server.auth.rotation import RefreshToken, Verdict, judge


def token(number: int, parent: int = 0, *, revoked: bool, updated: float = 0.0) -> RefreshToken:
    return RefreshToken(
        number=number,
        token=f"token-{number}",
        session_id="session",
        parent=f"token-{parent}" if parent else "",
        revoked=revoked,
        updated_unix_s=updated,
    )


@pytest.mark.parametrize(
    ("presented", "active", "now", "expected"),
    [
        (token(1, revoked=False), token(1, revoked=False), 0.0, "rotate"),
        (token(1, revoked=False), token(2, 1, revoked=False), 99.0, "rotate"),
        (token(1, revoked=True), token(2, 1, revoked=False), 99.0, "repeat"),
        (token(1, revoked=True), token(3, 2, revoked=False), 10.0, "rotate"),
        (token(1, revoked=True), token(3, 2, revoked=False), 10.1, "reused"),
        (token(3, 2, revoked=True, updated=5.0), None, 15.0, "rotate"),
        (token(3, 2, revoked=True, updated=5.0), None, 15.1, "reused"),
    ],
    ids=[
        "the active token",
        "a token that several tabs left active",
        "the active one's parent, at any time",
        "an older one, at the end of the interval",
        "an older one, after the interval",
        "the last of a revoked family, at the end of the interval",
        "the last of a revoked family, after the interval",
    ],
)
def test_a_refresh_token_is_judged_by_its_place_in_the_chain(
    presented: RefreshToken, active: RefreshToken | None, now: float, expected: Verdict
) -> None:
    assert judge(presented, active, now_unix_s=now, reuse_interval_s=10.0) == expected
