"""Who may use a private channel: the policies that a project would hold on its topics. Pure."""

from __future__ import annotations

import re

from harness.server.access import Access

_WEBINAR = re.compile(r"\Awebinar-(\d{1,18})\Z", re.ASCII)


def may_use(access: Access, name: str) -> bool:
    """Whether a token opens the private topic ``name`` (without ``realtime:``), both ways.

    ``webinar-N`` is for the members of webinar N, any other for whoever is signed in.
    """
    if access.database_role == "service_role":
        return True
    webinar = _WEBINAR.match(name)
    if webinar is not None:
        return access.role_in(int(webinar.group(1))) is not None
    return access.database_role == "authenticated"
