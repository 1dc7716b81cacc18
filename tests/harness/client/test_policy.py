"""Every switch of a policy does something."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.client.policy import POLICIES, Policy
from tests.support.page import ME, Page, message_id, row, transcript

OTHERWISE: dict[str, Any] = {
    "ack_timeout_s": 4.0,
    "send_disabled_s": 0.0,
    "fallback": False,
    "fallback_after_failures": 1,
    "fallback_after_silence_s": 7.0,
    "poll_period_s": 1.0,
    "poll_jitter_s": 0.0,
    "poll_jitter_drawn": "session",
    "poll_limit": 1,
    "poll_timeout_s": 5.0,
    "cursor": "confirmed",
    "poll_on_release": True,
    "poll_on_subscribed": True,
    "history_limit": 3,
    "recreate_delay_s": 3.0,
}


def life(policy: Policy) -> bytes:
    """A life in which every rule has its say."""
    page = Page(policy)
    page.opens()
    page.socket_closes()
    page.attempt_fails_after_its_wait()
    page.wait(2.0)
    page.goes_live()
    page.types(0)
    page.types(1)
    page.wait(11.0)
    page.receives(row(5))
    page.wait(12.0)
    if page.polls:
        page.answers_poll([row(6)])
    page.wait(20.0)
    page.channel_closed()
    page.wait(5.0)
    page.receives(row(7, by=ME, client_msg_id=message_id(0)))
    return transcript(page)


def test_the_list_of_switches_is_whole() -> None:
    assert {"name", *OTHERWISE} == set(Policy.__struct_fields__)


@pytest.mark.parametrize("field", OTHERWISE)
def test_a_changed_switch_changes_a_life(field: str) -> None:
    plan = Policy(name="plan")
    changed = msgspec.structs.replace(plan, **{field: OTHERWISE[field]})

    assert life(changed) != life(plan)


def test_presets_carry_their_own_names() -> None:
    assert all(policy.name == name for name, policy in POLICIES.items())
