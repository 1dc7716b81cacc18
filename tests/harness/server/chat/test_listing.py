from __future__ import annotations

import asyncio

import pytest

from harness.server.storage.model import Draft
from tests.harness.server.builders import USER
from tests.harness.server.chat.api import Api, bearer, error_of, ids_of


def fill(api: Api, count: int) -> None:
    async def work() -> None:
        drafts = [
            Draft(
                webinar_id=42,
                user_id=USER,
                client_msg_id=str(number),
                body="hi",
                created_at="2026-11-23T10:00:00.000000+00:00",
            )
            for number in range(count)
        ]
        await asyncio.gather(*(api.storage.create(one) for one in drafts))

    api.run(work)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", list(range(11, 61))),
        ("&limit=3", [58, 59, 60]),
        ("&after=0&limit=3", [1, 2, 3]),
        ("&after=57", [58, 59, 60]),
        ("&after=60", []),
        ("&after=0", list(range(1, 51))),
        ("&after=0&limit=500", list(range(1, 61))),
    ],
)
def test_reading_is_by_id_and_without_after_the_newest(
    api: Api, query: str, expected: list[int]
) -> None:
    fill(api, 60)

    assert ids_of(api.get(f"/api/messages?webinarId=42{query}")) == expected


def test_a_bad_query_is_answered_400(api: Api) -> None:
    response = api.get("/api/messages?webinarId=1&limit=0")

    assert response.status == 400
    assert error_of(response) == "limit: must be a whole number from 1 to 500"


def test_an_outsider_may_not_read(api: Api) -> None:
    response = api.get("/api/messages?webinarId=42", headers=bearer(webinar="43"))

    assert response.status == 403
    assert error_of(response) == "webinarId: you are no member of webinar 42"


def test_no_cache_may_keep_an_answer_unless_a_knob_lets_it(api: Api) -> None:
    poll = "/api/messages?webinarId=42&after=0"
    assert api.get(poll).headers["cache-control"] == "no-store"
    assert api.get("/api/messages").headers["cache-control"] == "no-store"
    api.knobs(poll_max_age_s=5)

    assert api.get(poll).headers["cache-control"] == "public, max-age=5"


def test_planted_defects_reach_the_poll(api: Api) -> None:
    for number in range(3):
        api.send(number)
    poll = "/api/messages?webinarId=42&after=0"
    api.plant("poll-unordered", "poll-off-by-one", "poll-beyond-permission")

    assert ids_of(api.get(poll, headers=bearer(webinar="43"))) == [3, 2]
    api.plant()
    assert ids_of(api.get(poll)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("&after=0&limit=2", [2, 3]),
        ("&after=3&limit=2", [5]),
        ("&after=5", []),
        ("&limit=2", [4, 5]),
    ],
)
def test_off_by_one_fills_an_incremental_answer_without_its_first_row(
    api: Api, query: str, expected: list[int]
) -> None:
    fill(api, 5)
    api.plant("poll-off-by-one")

    assert ids_of(api.get(f"/api/messages?webinarId=42{query}")) == expected
