from __future__ import annotations

import pytest

from harness.server.access import Access
from harness.server.realtime.topics.policies import may_use

ANON = Access("anon")
SIGNED_IN = Access("authenticated")
MEMBER = Access("authenticated", (("42", "attendee"),))
SERVICE = Access("service_role")


@pytest.mark.parametrize(
    ("access", "name", "expected"),
    [
        (ANON, "webinar-42", False),
        (ANON, "lobby", False),
        (SIGNED_IN, "webinar-42", False),
        (SIGNED_IN, "lobby", True),
        (SIGNED_IN, "webinar-42-staff", True),
        (MEMBER, "webinar-42", True),
        (MEMBER, "webinar-43", False),
        (SERVICE, "webinar-42", True),
        (Access("nobody"), "lobby", False),
    ],
)
def test_a_private_topic_opens_to(access: Access, name: str, expected: bool) -> None:
    assert may_use(access, name) is expected
