"""Arbitrary lives of a page, for property tests: what people, networks and servers may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from hypothesis import strategies as st

from harness.wire.api import CreateAnswer, ListAnswer
from tests.support.page import ME, TOPIC, Page, encoded, message_id, row

Step = tuple[str, Callable[[Page], None]]
"""A name for the failure's report, and what it does."""

_numbers = st.integers(1, 4)
"""Of sockets, requests, rows and messages: few, so that they meet."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
_refs = st.none() | st.integers(0, 12).map(str) | st.text(max_size=3)
_statuses = st.fixed_dictionaries(
    {"status": st.sampled_from(["ok", "error", "x"])},
    optional={
        "extension": st.sampled_from(["postgres_changes", "system"]) | json_values,
        "message": json_values,
        "response": json_values,
    },
)
_rows = st.builds(
    lambda row_id, mine: msgspec.to_builtins(
        row(row_id, by=ME, client_msg_id=message_id(row_id)) if mine else row(row_id)
    ),
    _numbers,
    st.booleans(),
)
_changes = st.fixed_dictionaries(
    {
        "data": st.fixed_dictionaries(
            {"type": st.sampled_from(["INSERT", "UPDATE", "DELETE"])},
            optional={"record": _rows | json_values, "old_record": json_values},
        )
    }
)
_frames = st.tuples(
    _refs,
    _refs,
    st.sampled_from([TOPIC, "phoenix"]) | st.text(max_size=5),
    st.sampled_from(
        ["phx_reply", "phx_close", "phx_error", "system", "postgres_changes", "heartbeat"]
    ),
    _statuses | _changes | json_values,
).map(msgspec.json.encode)


def _damaged(text: bytes, at: float, byte: int) -> bytes:
    """Sound JSON with one byte that does not belong there."""
    position = int(at * len(text))
    return text[:position] + bytes([byte]) + text[position + 1 :]


_damaged_frames = st.builds(_damaged, _frames, st.floats(0, 0.999), st.integers(0, 255))

hostile_texts = (
    _damaged_frames
    | st.binary(max_size=40)
    | json_values.map(msgspec.json.encode)
    | _frames
    | st.text(max_size=20)
)
"""What may come as a text frame: nonsense, and nearly right frames."""

hostile_bodies = (
    st.binary(max_size=40)
    | json_values.map(msgspec.json.encode)
    | st.fixed_dictionaries(
        {"success": st.booleans() | json_values},
        optional={
            "message": _rows | json_values,
            "messages": st.lists(_rows, max_size=4) | json_values,
            "error": json_values,
        },
    ).map(msgspec.json.encode)
)
"""What may come as the body of an answer."""


def _answer_good(page: Page, request: int, row_id: int) -> None:
    """A sound answer to a request of either kind, if it was made."""
    for one in page.requests:
        if one.request == request and one.body is not None:
            key = msgspec.json.decode(one.body)["clientMsgId"]
            page.answers(one, encoded(CreateAnswer(True, row(row_id, by=ME, client_msg_id=key))))
        elif one.request == request:
            page.answers(one, encoded(ListAnswer(True, [row(row_id)])))


def _answer(page: Page, request: int, status: int, body: bytes) -> None:
    page.session.http_answered(request, status, body, page.now_s)
    page.drain()


def _fail(page: Page, request: int) -> None:
    page.session.http_failed(request, "reset", page.now_s)
    page.drain()


def _if_joined(act: Callable[..., None]) -> Callable[..., None]:
    return lambda page, *values: act(page, *values) if page.frames("phx_join") else None


def _good_server(page: Page) -> None:
    if page.frames("phx_join"):
        page.join_answered()
        page.system()


def _types(page: Page) -> None:
    page.types()


def _comes_back(page: Page) -> None:
    """The network is well for as long as the longest wait."""
    page.wait(10.0)
    page.socket_opens()
    _good_server(page)


def _end_of_channel(page: Page, event: str) -> None:
    page.frame(event, {}, join_ref=page.join_ref, ref=page.join_ref)


def _step(
    name: str, act: Callable[..., None], *arguments: st.SearchStrategy[object]
) -> st.SearchStrategy[Step]:
    return st.tuples(*arguments).map(
        lambda values: (f"{name}{values}", lambda page: act(page, *values))
    )


_friendly = st.one_of(
    _step("wait", Page.wait, st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0, 30.0])),
    _step("types", _types),
    _step("visible", Page.visible, st.booleans()),
    _step("page_hides", Page.page_hides),
    _step("page_shows", Page.page_shows),
    _step("online", Page.online, st.booleans()),
    _step("renews_token", Page.renews_token, st.sampled_from(["a", "b"])),
    _step("socket_opens", Page.socket_opens),
    _step("socket_closes", Page.socket_closes),
    _step("server", _good_server),
    _step("comes_back", _comes_back),
    _step("ends", _if_joined(_end_of_channel), st.sampled_from(["phx_close", "phx_error"])),
    _step("receives", lambda page, number: page.receives(row(number)), _numbers),
    _step("answers", _answer_good, _numbers, _numbers),
    _step("fails", _fail, _numbers),
)
_hostile = st.one_of(
    _friendly,
    _step("raw", Page.raw, hostile_texts),
    _step("raw_of", Page.raw, hostile_texts, _numbers),
    _step("opens_of", Page.socket_opens, _numbers),
    _step("answers_badly", _answer, _numbers, st.sampled_from([200, 404, 502]), hostile_bodies),
)

lives: st.SearchStrategy[list[Step]] = st.lists(_friendly, min_size=15, max_size=50)
"""Sound peers on an unreliable network."""
hostile_lives: st.SearchStrategy[list[Step]] = st.lists(_hostile, min_size=15, max_size=50)
"""Peers that send anything at any moment."""


def play(page: Page, steps: Iterable[Step]) -> None:
    """Open the page and do the steps; it stays open."""
    page.starts()
    for _, act in steps:
        act(page)
