"""Who renews the access token, when, and what becomes of a page whose token is not (R1, H9).

When the genuine auth-js would do what is compared in ``test_oracle``; here is what it means.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.client.library import CURRENT, RJS_2_100, Library
from harness.client.policy import Policy
from harness.client.token_refresh import REFRESH_PATH, Stored, TokenStore
from harness.records import SignedOut, TokenRefreshed, TokenRefreshFailed
from tests.support.page import PLAN, Page

LIFETIME_S = 600


def store(*, ends_s: int = LIFETIME_S) -> TokenStore:
    return TokenStore(Stored("first", "refresh-0", ends_s))


def renewed(number: int, *, ends_s: float) -> bytes:
    """What Auth answers."""
    return msgspec.json.encode(
        {
            "access_token": f"token-{number}",
            "refresh_token": f"refresh-{number}",
            "token_type": "bearer",
            "expires_in": LIFETIME_S,
            "expires_at": int(ends_s),
            "user": {"id": "…"},
        }
    )


def live(tokens: TokenStore, *, policy: Policy = PLAN, library: Library = CURRENT) -> Page:
    page = Page(policy, tokens=tokens, library=library)
    page.heartbeats_are_answered = True
    page.opens()
    page.goes_live()
    return page


def answers(page: Page, number: int, status: int = 200, body: bytes | None = None) -> None:
    content = renewed(number, ends_s=page.now_s + LIFETIME_S) if body is None else body
    page.answers(page.renewals[-1], content, status)


def joins(page: Page) -> list[str]:
    """The tokens of the joins so far."""
    return [token_of(frame.payload) for frame in page.frames("phx_join")]


def token_of(payload: Any) -> str:
    token = msgspec.json.decode(bytes(payload))["access_token"]
    assert isinstance(token, str)
    return token


def test_a_page_opens_with_the_stored_token_everywhere() -> None:
    page = live(store())

    assert joins(page) == ["first"]
    assert page.bearers == ["first"]
    assert page.renewals == []


def test_a_visible_tab_renews_its_token_before_the_end_and_uses_the_new_one_everywhere() -> None:
    tokens = store()
    page = live(tokens)
    page.wait(LIFETIME_S - 130.0)
    assert page.renewals == []

    page.wait(45.0)
    answers(page, 1)

    (asked,) = page.renewals
    assert (asked.method, asked.path) == ("POST", REFRESH_PATH)
    assert msgspec.json.decode(asked.body or b"") == {"refresh_token": "refresh-0"}
    assert [token_of(frame.payload) for frame in page.frames("access_token")] == ["token-1"]
    assert page.bearers == ["first", "token-1"]
    assert tokens.session is not None
    assert tokens.session.refresh_token == "refresh-1"
    (event,) = page.events(TokenRefreshed)
    assert event.lasts_s == pytest.approx(LIFETIME_S, abs=1.0)


def test_where_it_looks_ten_times_as_often_a_tenth_of_a_token_s_life_passes_in_the_same_way() -> (
    None
):
    def renewed_at_s(look_s: float, lasts_s: float) -> float:
        page = Page(PLAN, tokens=store(ends_s=int(lasts_s)), token_look_s=look_s)
        page.opens()
        while not page.renewals:
            page.wait(0.1)
        return page.now_s

    assert renewed_at_s(3.0, LIFETIME_S / 10) == pytest.approx(
        renewed_at_s(30.0, LIFETIME_S) / 10, abs=0.2
    )


@pytest.mark.parametrize(("library", "asks"), [(CURRENT, True), (RJS_2_100, False)])
def test_a_live_hidden_tab_renews_it_only_where_the_library_asks_with_each_heartbeat(
    library: Library, asks: bool
) -> None:
    page = live(store(), library=library)
    page.visible(False)

    page.wait(LIFETIME_S - 1.0)

    assert bool(page.renewals) is asks


def test_a_hidden_tab_without_a_socket_renews_nothing_until_it_is_shown() -> None:
    page = live(store())
    page.visible(False)
    page.socket_closes()
    page.wait(2.0 * LIFETIME_S)
    assert page.renewals == []

    page.visible(True)

    assert len(page.renewals) == 1


def test_whoever_wants_a_token_while_one_is_renewed_waits_for_that_one() -> None:
    page = live(store())
    page.wait(LIFETIME_S - 85.0)  # looks, heartbeats
    assert len(page.renewals) == 1
    page.visible(False)
    page.visible(True)
    page.wait(60.0)

    assert len(page.renewals) == 1


def test_a_page_that_is_opened_anew_goes_on_with_the_renewed_session() -> None:
    tokens = store(ends_s=100)
    first = live(tokens)
    first.wait(11.0)
    answers(first, 1)
    first.closes()

    again = live(tokens)

    assert joins(again) == ["token-1"]
    assert again.bearers == ["token-1"]


def test_no_network_is_tried_again_for_half_a_minute_and_then_left_alone_for_a_minute() -> None:
    page = Page(PLAN, tokens=store(ends_s=80))
    page.opens()
    tries_s: list[float] = []
    while page.now_s < 75.0:
        if len(page.renewals) > len(tries_s):
            tries_s.append(round(page.now_s, 1))
            page.fails(page.renewals[-1])
        page.wait(page.session.next_wake_s - page.now_s)

    assert tries_s == [0.0, 0.2, 0.6, 1.4, 3.0, 6.2, 12.6, 25.4]
    assert [e.again for e in page.events(TokenRefreshFailed)] == [True] * 7 + [False]


def test_a_refusal_leaves_a_token_that_still_holds() -> None:
    page = live(store(ends_s=80))
    answers(page, 1, 400, b'{"code":"refresh_token_already_used"}')

    assert page.events(SignedOut) == []
    assert page.bearers == ["first"]
    assert page.frames("access_token") == []


def test_a_refusal_after_the_tokens_end_signs_the_page_out_and_it_goes_on_as_nobody() -> None:
    tokens = store(ends_s=-5)
    page = live(tokens)
    answers(page, 1, 400, b'{"code":"refresh_token_not_found"}')

    assert len(page.events(SignedOut)) == 1
    assert tokens.session is None
    assert page.bearers == ["first", "key"]
    assert [token_of(frame.payload) for frame in page.frames("access_token")] == ["key"]
    page.wait(600.0)
    assert len(page.renewals) == 1


def test_h9_a_page_that_never_renews_asks_nobody() -> None:
    page = live(store(), policy=Policy(name="own", renew_token=False))

    page.wait(2.0 * LIFETIME_S)

    assert page.renewals == []
    assert page.bearers == ["first"]


def test_a_lost_socket_is_tried_again_only_when_the_token_that_was_asked_for_is_there() -> None:
    page = live(store(ends_s=130))
    page.wait(51.0)  # the look at 30 s asks, the heartbeat at 50 s waits
    assert len(page.renewals) == 1
    page.socket_closes()
    page.wait(20.0)
    attempts = page.socket

    answers(page, 1)

    assert page.socket == attempts + 1


STATUSES = st.sampled_from([0, 200, 200, 204, 301, 400, 401, 404, 429, 500, 503, 522])
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"{}", b"[]", b"null", b"<html>", b'{"access_token":7}']),
    st.builds(lambda n, ends: renewed(n, ends_s=ends), st.integers(1, 9), st.integers(-99, 9999)),
)


@given(
    ends_s=st.integers(-20, 200),
    deeds=st.lists(
        st.tuples(st.sampled_from(["hide", "show", "wait", "close", "open"]), STATUSES, BODIES),
        max_size=25,
    ),
)
def test_whatever_auth_answers_a_page_lives_on_and_asks_for_one_renewal_at_a_time(
    ends_s: int, deeds: list[tuple[str, int, bytes]]
) -> None:
    page = live(store(ends_s=ends_s))
    over = 0
    for deed, status, body in deeds:
        match deed:
            case "hide" | "show":
                page.visible(deed == "show")
            case "close":
                page.socket_closes()
            case "open":
                page.socket_opens()
            case "wait":
                page.wait(23.0)
        assert len(page.renewals) - over in (0, 1)
        if len(page.renewals) > over:
            over += 1
            if status:
                page.answers(page.renewals[-1], body, status)
            else:
                page.fails(page.renewals[-1])
    ended = page.events(TokenRefreshed) + page.events(TokenRefreshFailed)
    assert len(ended) == over
