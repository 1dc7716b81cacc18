"""What a refresh token is good for when it is presented. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["rotate", "repeat", "reused"]
"""``rotate``: a new token takes its place. ``repeat``: the active one is answered once more.
``reused``: somebody else may have it, and the whole family is revoked."""


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """One link of a session's chain of refresh tokens."""

    number: int
    """In the order of issue, over all sessions."""
    token: str
    """Twelve lower-case letters and digits."""
    session_id: str
    parent: str
    """The token that it took the place of; empty for a session's first."""
    revoked: bool
    updated_unix_s: float
    """When it was issued, or last used or revoked."""


def judge(
    presented: RefreshToken,
    active: RefreshToken | None,
    *,
    now_unix_s: float,
    reuse_interval_s: float,
) -> Verdict:
    """Judge ``presented``, of a session whose newest token that is not revoked is ``active``.

    The active token's parent is always taken once more: its answer may have been lost on the
    way. Any other revoked token is taken only for as long as requests of the same moment
    (several tabs) may still be under way.
    """
    if not presented.revoked:
        return "rotate"
    if active is not None and active.parent == presented.token:
        return "repeat"
    if now_unix_s > presented.updated_unix_s + reuse_interval_s:
        return "reused"
    return "rotate"
