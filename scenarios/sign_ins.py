"""Who is signed in, where a scenario's access tokens end (H9).

The accounts and refresh tokens are the server's (``scenarios.accounts``). The access token with
which a page opens is signed here, with the server's secret and for its lifetime, so that each page
begins as if its user had just signed in, however long ago the run was prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.client.token_refresh import Stored, TokenStore
from harness.tokens import mint


@dataclass(frozen=True, kw_only=True)
class SignIns:
    """Signs the users of this process in. Times are seconds of the harness's clock."""

    secret: str
    refresh_tokens: tuple[str, ...]
    """By user."""
    lifetime_s: int
    unix_minus_clock_s: float

    def store(
        self, user: int, user_id: str, *, webinars: Mapping[str, str], at_s: float
    ) -> TokenStore:
        """What the user's browser holds after a sign-in at ``at_s``."""
        issued_unix_s = int(at_s + self.unix_minus_clock_s)
        token = mint(
            self.secret,
            user_id,
            webinars=webinars,
            issued_at_unix_s=issued_unix_s,
            lifetime_s=self.lifetime_s,
        )
        ends = issued_unix_s + self.lifetime_s
        return TokenStore(Stored(token, self.refresh_tokens[user], ends))
