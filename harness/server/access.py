"""Who may do what in a webinar: the row-level security of the chat, as one pure predicate each.

The database of a real deployment would hold these rules as policies. They depend on the claims
of a token and on a row alone, never on who exactly asks, so that all attendees of a webinar get
the same answer and the server asks once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Role = Literal["presenter", "moderator", "attendee"]
"""A person's part in a webinar. Who has none there is an outsider."""

ANY_WEBINAR = "*"
"""Stands for every webinar in the claim :data:`MEMBERSHIPS`."""
MEMBERSHIPS = "webinars"
"""The claim ``app_metadata.webinars``: ``{"42": "moderator"}``."""


@dataclass(frozen=True)
class Access:
    """What a token opens. Equal for all whose tokens open the same."""

    database_role: str
    """``anon``, ``authenticated`` or ``service_role``; policies do not bind the last."""
    memberships: tuple[tuple[str, Role], ...] = ()
    """Webinar (or :data:`ANY_WEBINAR`) and the part in it, sorted."""

    def role_in(self, webinar_id: int) -> Role | None:
        """``None`` for an outsider. A webinar's own entry goes before that for any."""
        if self.database_role != "authenticated":
            return None
        roles = dict(self.memberships)
        return roles.get(str(webinar_id), roles.get(ANY_WEBINAR))

    def may_read(self, webinar_id: int) -> bool:
        """Members read everything of their webinar, hidden messages too: a page that may not
        read a row any more is never told that it was hidden."""
        return self.database_role == "service_role" or self.role_in(webinar_id) is not None

    def may_write(self, webinar_id: int) -> bool:
        """Members write."""
        return self.role_in(webinar_id) is not None

    def may_moderate(self, webinar_id: int) -> bool:
        """Presenters and moderators hide, edit and delete what anybody wrote."""
        return self.role_in(webinar_id) in ("presenter", "moderator")

    def may_change(self, webinar_id: int, author_id: str, user_id: str) -> bool:
        """Whether ``user_id``, with this access, may edit and delete what ``author_id`` wrote, if
        they may read it: authors may with their own."""
        return author_id == user_id or self.may_moderate(webinar_id)


def access_of(database_role: str, app_metadata: Any) -> Access:
    """Read the claims of a verified token. What is no membership there counts as none."""
    webinars = app_metadata.get(MEMBERSHIPS) if isinstance(app_metadata, Mapping) else None
    if not isinstance(webinars, Mapping):
        return Access(database_role)
    roles = get_args(Role)
    known = ((str(webinar), role) for webinar, role in webinars.items() if role in roles)
    return Access(database_role, tuple(sorted(known)))
