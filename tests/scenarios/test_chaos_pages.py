"""The addresses that a tester opens."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from chaos.toxiproxy.model import Proxy
from harness.client.policy import POLICIES
from scenarios.chaos_choice import Choice
from scenarios.chaos_pages import PAGE_SWITCHES, direct_page, not_in_page, page_query, pages
from scenarios.lanes import Lane, Side
from scenarios.model import load_scenario
from scenarios.rig import Rig


class _Server:
    host = "127.0.0.1"
    api_port = 3000


def rig_of(*cohorts: str) -> Rig:
    """A rig of which only addresses are there."""
    ports: dict[tuple[str, Side], int] = {}
    for number, cohort in enumerate(cohorts):
        ports[cohort, "api"] = 3001 + number
        ports[cohort, "realtime"] = 4001 + number
    return Rig(
        server=cast(Any, _Server()),
        lanes=(
            Lane(
                toxiproxy=cast(Any, None),
                toxiproxy_version="",
                toxiproxy_pid=None,
                proxies={
                    place: Proxy(name="-".join(place), listen=f"127.0.0.1:{port}", upstream="up:1")
                    for place, port in ports.items()
                },
            ),
        ),
        ended=cast(Any, None),
    )


def test_each_cohort_has_a_page_through_its_own_proxies_with_a_person_and_its_policy() -> None:
    scenario = load_scenario("four-policies")
    names = [cohort.name for cohort in scenario.cohorts]
    found = pages(Choice(scenario=scenario, by_key=False), rig_of(*names), lang="en")
    assert [each.cohort for each in found] == names
    queries = [parse_qs(urlsplit(each.page).query) for each in found]
    assert [each.page.partition("/?")[0] for each in found] == [
        f"http://127.0.0.1:{3001 + number}" for number in range(4)
    ]
    assert [query["realtime"] for query in queries] == [
        [f"http://127.0.0.1:{4001 + number}"] for number in range(4)
    ]
    assert len({query["user"][0] for query in queries}) == 4
    assert queries[names.index("before")]["fallback"] == ["0"]


def test_the_page_of_somebody_past_the_faults_is_the_server_s_own() -> None:
    assert direct_page(rig_of("a"), lang="ko") == "http://127.0.0.1:3000/?user=zoe&room=42&lang=ko"


def test_the_switches_that_an_address_carries_are_those_of_the_page() -> None:
    page = resources.files("harness.server.page").joinpath("static/policy.js").read_text("utf-8")
    plan = re.search(r"PLAN = Object\.freeze\(\{(.*?)\}\)", page, re.DOTALL)
    assert plan is not None
    assert tuple(re.findall(r"^  (\w+):", plan[1], re.MULTILINE)) == PAGE_SWITCHES


def test_only_what_differs_from_the_page_is_in_its_address() -> None:
    reviewed = POLICIES["plan-reviewed"]
    assert page_query(reviewed, lifetime_s=None) == {}
    assert not_in_page(reviewed) == ()
    policy = msgspec.structs.replace(
        reviewed, cursor="confirmed", poll_on_release=True, poll_period_s=1.5, silence="probe"
    )
    assert page_query(policy, lifetime_s=None) == {
        "poll_period_s": "1.5",
        "cursor": "confirmed",
        "poll_on_release": "1",
    }
    assert not_in_page(policy) == ("silence",)


def test_tokens_that_end_in_the_scenario_end_on_the_page() -> None:
    never = msgspec.structs.replace(POLICIES["plan-reviewed"], renew_token=False)
    assert page_query(never, lifetime_s=35) == {"lifetime_s": "35", "renew": "0"}
