"""The defect ``token-never-accepted``: which valid tokens Realtime calls expired. Pure."""

from __future__ import annotations

from harness.server.auth.tokens import Claims
from harness.server.defects import Defect
from harness.server.switches import Switches

_KEYS = ("anon", "service_role")


def distrusted(claims: Claims, switches: Switches) -> bool:
    """Whether a valid token counts as expired: a user's, not one of the project's own keys."""
    return switches.has(Defect.TOKEN_NEVER_ACCEPTED) and claims.access.database_role not in _KEYS
