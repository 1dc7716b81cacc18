"""Every role against every way to broadcast over HTTP, with every kind of token.

Expected is the status, and whether anybody hears it. On the topic of webinar 42 everybody speaks
in public; in private whoever may read it. What a batch has of others' topics is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.routing import Route

from harness.server.knobs import Knobs
from harness.server.realtime.broadcast_routes import broadcast_routes
from harness.server.realtime.topics.topics import TopicName
from harness.server.switches import Switches
from tests.harness.server.askers import (
    ASKERS,
    BAD_TOKENS,
    MEMBERS,
    NOW_S,
    Expected,
    Forge,
    claims_of,
    expected,
    valid,
)
from tests.harness.server.builders import anon_token
from tests.harness.server.realtime.broadcasting import Heard, posted

HEARD: Expected = (202, True)
TABLE: Mapping[tuple[str, bool], dict[str, Expected]] = {
    # path below the prefix, private
    ("/broadcast", False): expected(HEARD),
    ("/broadcast", True): expected((202, False), "service", *MEMBERS, ok=HEARD),
    ("/broadcast/{topic}/events/{event}", False): expected(HEARD),
    ("/broadcast/{topic}/events/{event}", True): expected(
        (403, False), "service", *MEMBERS, ok=HEARD
    ),
}
PREFIXES = ("/realtime/v1/api", "/api")
CASES = [(f"{prefix}{path}", path, private) for prefix in PREFIXES for path, private in TABLE]


def test_the_table_has_every_route_and_every_role() -> None:
    routes = broadcast_routes(Heard(Switches(Knobs()), 0.0))

    assert {one.path for one in routes if isinstance(one, Route)} == {path for path, _, _ in CASES}
    assert all(one.methods == {"POST"} for one in routes)
    assert all(set(row) == set(ASKERS) for row in TABLE.values())


def asked(route: str, private: bool, headers: Mapping[str, str], **knobs: Any) -> Expected:
    """The status, and whether it was heard where it was meant to."""
    path = route.replace("{topic}", "webinar-42").replace("{event}", "typing")
    message = {"topic": "webinar-42", "event": "typing", "payload": {}, "private": private}
    batch = {"messages": [message]}
    single = path != route
    target = f"{path}?private=true" if single and private else path
    answer, server = posted(
        target, headers=headers, json={} if single else batch, knobs=knobs, now_s=NOW_S
    )
    assert {one.name for one in server.heard} <= {TopicName("realtime:webinar-42", private)}
    return answer.status_code, bool(server.heard)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize(("route", "path", "private"), CASES)
def test_a_role_may_say_what_the_table_says_and_no_more(
    route: str, path: str, private: bool, asker: str
) -> None:
    token = valid(claims_of(asker))
    row = TABLE[path, private]

    assert asked(route, private, {"Authorization": f"Bearer {token}"}) == row[asker]
    # Without a bearer token, the key says who it is.
    assert asked(route, private, {"apikey": token}) == row[asker]
    # With one, it does not.
    key = {"apikey": valid(claims_of("service"))}
    assert asked(route, private, {"Authorization": f"Bearer {token}", **key}) == row[asker]


@pytest.mark.parametrize("forge", BAD_TOKENS)
@pytest.mark.parametrize(("route", "path", "private"), CASES)
def test_a_bad_token_says_nothing_whoever_it_claims_to_be(
    route: str, path: str, private: bool, forge: Forge
) -> None:
    for asker in ASKERS:
        token = forge(claims_of(asker))
        for headers in (
            {"Authorization": f"Bearer {token}"},
            {"Authorization": f"Bearer {token}", "apikey": anon_token()},
            {"apikey": token},
        ):
            assert asked(route, private, headers) == (401, False), (path, asker)


@pytest.mark.parametrize(("route", "path", "private"), CASES)
def test_without_a_token_nothing_is_said(route: str, path: str, private: bool) -> None:
    assert asked(route, private, {}) == (401, False), path


@pytest.mark.parametrize(("route", "path", "private"), CASES)
def test_the_issuer_of_a_token_counts_where_a_knob_says_which(
    route: str, path: str, private: bool
) -> None:
    elsewhere = valid({**claims_of("presenter"), "iss": "https://elsewhere.example/auth/v1"})
    headers = {"Authorization": f"Bearer {elsewhere}"}
    here = "https://here.example/auth/v1"

    assert asked(route, private, headers, required_issuer=here) == (401, False)
    assert asked(route, private, headers) == TABLE[path, private]["presenter"]
