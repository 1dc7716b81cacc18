"""Every switch of a policy does something."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.client.policy import POLICIES, Policy
from harness.client.token_refresh import Stored, TokenStore
from tests.support.page import ME, Page, message_id, row, transcript

OTHERWISE: dict[str, Any] = {
    "send_timeout": False,
    "ack_timeout_s": 4.0,
    "spinner_ends": "realtime",
    "match": "content",
    "order": "arrival",
    "apply_changes": False,
    "hear_all_deletes": True,
    "recreate_channel": False,
    "reconnect_jitter": 0.3,
    "heartbeat_worker": True,
    "silence": "probe",
    "pause_unseen": False,
    "cursor_overlap_s": 4.0,
    "reread_every": 2,
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
    "renew_token": False,
}


ONLY_WITH: dict[str, tuple[Any, dict[str, Any]]] = {
    "content_match_s": (60.0, {"match": "content"}),
    "probe_grace_s": (0.5, {"silence": "probe"}),
}
"""Switches that do nothing by themselves: another value, and what they need."""


def life(policy: Policy) -> bytes:
    """A life in which every rule has its say."""
    tokens = TokenStore(Stored("a token", "a refresh token", expires_at=140))
    page = Page(policy, tokens=tokens, worker_refused=True)
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
    if len(page.frames("phx_join")) > 1:
        page.join_answered()
        page.system()
    page.receives(row(7, by=ME, client_msg_id=message_id(0), body="hello"))
    page.receives(row(4))
    page.receives(row(5, body="changed"), "UPDATE")
    page.wait(11.0)
    if page.polls:
        page.answers_poll([row(8)])
    page.visible(False)
    page.wait(9.0)
    page.visible(True)
    page.closes()
    return transcript(page)


def test_the_list_of_switches_is_whole() -> None:
    assert {"name", *OTHERWISE, *ONLY_WITH} == set(Policy.__struct_fields__)


@pytest.mark.parametrize("field", ONLY_WITH)
def test_a_switch_of_a_switch_changes_a_life(field: str) -> None:
    value, needs = ONLY_WITH[field]
    base = Policy(name="plan", **needs)

    assert life(msgspec.structs.replace(base, **{field: value})) != life(base)


@pytest.mark.parametrize("field", OTHERWISE)
def test_a_changed_switch_changes_a_life(field: str) -> None:
    plan = Policy(name="plan")
    changed = msgspec.structs.replace(plan, **{field: OTHERWISE[field]})

    assert life(changed) != life(plan)


def test_presets_carry_their_own_names() -> None:
    assert all(policy.name == name for name, policy in POLICIES.items())
