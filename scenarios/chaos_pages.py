"""Where a tester's browser goes: the chat page of each cohort, through its own pair of proxies."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from harness.client.policy import POLICIES, Policy
from scenarios.chaos_choice import Choice
from scenarios.cohorts import Cohort
from scenarios.rig import Rig

PAGE_SWITCHES = (
    "ack_timeout_s",
    "send_disabled_s",
    "fallback",
    "fallback_after_failures",
    "fallback_after_silence_s",
    "poll_period_s",
    "poll_jitter_s",
    "poll_jitter_drawn",
    "poll_limit",
    "poll_timeout_s",
    "cursor",
    "poll_on_release",
    "poll_on_subscribed",
    "history_limit",
    "recreate_delay_s",
)
"""Switches of a policy that the page has too (harness/server/page/static/policy.js)."""
_PAGE = POLICIES["plan-reviewed"]
"""What the page does by itself."""
ROOM = 42
BYSTANDER = "zoe"
_PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """One cohort's way in."""

    cohort: str
    page: str
    """The chat page with this cohort's policy."""
    api: str
    realtime: str
    not_in_page: tuple[str, ...] = ()
    """Switches of its policy that the page has not, so that it acts otherwise there."""


def pages(choice: Choice, rig: Rig, *, lang: str) -> tuple[Pages, ...]:
    """Of every cohort, each with a person of its own in the same room."""
    return tuple(
        _pages(choice, rig, cohort, _person(number), lang)
        for number, cohort in enumerate(choice.scenario.cohorts)
    )


def direct_page(rig: Rig, *, lang: str) -> str:
    """The page of somebody in the same room whom no fault of the network touches."""
    origin = f"http://{rig.server.host}:{rig.server.api_port}"
    return f"{origin}/?{_query({'user': BYSTANDER, 'room': ROOM}, lang)}"


def page_query(policy: Policy, *, lifetime_s: int | None) -> dict[str, str]:
    """What makes the page behave as this policy, as far as it can."""
    differing = {
        name: _written(getattr(policy, name))
        for name in PAGE_SWITCHES
        if getattr(policy, name) != getattr(_PAGE, name)
    }
    if lifetime_s is not None:
        differing["lifetime_s"] = str(lifetime_s)
        if not policy.renew_token:
            differing["renew"] = "0"
    return differing


def not_in_page(policy: Policy) -> tuple[str, ...]:
    """Switches in which the policy differs from the page, which cannot follow."""
    own, page = msgspec.structs.asdict(policy), msgspec.structs.asdict(_PAGE)
    known = ("name", "renew_token", *PAGE_SWITCHES)
    return tuple(name for name in own if name not in known and own[name] != page[name])


def _pages(choice: Choice, rig: Rig, cohort: Cohort, person: str, lang: str) -> Pages:
    (endpoints,) = rig.endpoints[cohort.name]
    api = f"http://{endpoints.api.host}:{endpoints.api.port}"
    realtime = f"http://{endpoints.realtime.host}:{endpoints.realtime.port}"
    lifetime_s = choice.scenario.access_token_lifetime_s
    query = {"user": person, "room": ROOM, "realtime": realtime}
    query |= page_query(cohort.policy, lifetime_s=lifetime_s)
    return Pages(
        cohort=cohort.name,
        page=f"{api}/?{_query(query, lang)}",
        api=api,
        realtime=realtime,
        not_in_page=not_in_page(cohort.policy),
    )


def _person(number: int) -> str:
    return _PEOPLE[number] if number < len(_PEOPLE) else f"person-{number + 1}"


def _query(query: dict[str, Any], lang: str) -> str:
    return urlencode({**query, **({} if lang == "en" else {"lang": lang})}, safe=":/")


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)
