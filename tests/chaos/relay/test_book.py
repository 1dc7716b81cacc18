"""The relay's decisions, without a socket or a clock."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.relay.book import (
    Answer,
    Book,
    Connection,
    Cut,
    Decision,
    Forward,
    Hold,
    NoAnswer,
    Reopen,
    Thaw,
)
from chaos.relay.heads import Opening, read_opening
from chaos.relay.rules import (
    Act,
    Hang,
    HangEnd,
    Idleness,
    Lifetime,
    Page,
    Refuse,
    Rule,
    Stall,
    Strip,
    Upgrades,
)

UPGRADE = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
ORDINARY = b"GET / HTTP/1.1\r\n\r\n"


def rule(act: Act, name: str = "r", share: float = 1.0) -> Rule:
    return Rule(name=name, act=act, share=share, seed=7)


def upgrades(outcome: Refuse | Page | Strip | Hang, *, cut_open: bool = False) -> Upgrades:
    return Upgrades(outcome=outcome, cut_open=cut_open)


def hang(at_end: HangEnd = "answered") -> Rule:
    return rule(upgrades(Hang(at_end)))


def said(content: bytes) -> Opening:
    opening = read_opening(content)
    assert opening is not None
    return opening


def speaks(book: Book, content: bytes, now_s: float = 0.0) -> tuple[Connection, Decision]:
    """A connection comes and makes its first request."""
    made = book.open(now_s)
    book.stalls_at_first_byte(made)
    return made, book.decide(made, said(content))


def test_without_rules_everything_is_passed_on_and_nothing_is_ever_due() -> None:
    book = Book("a")
    _, decision = speaks(book, UPGRADE)
    assert decision == Forward(UPGRADE)
    assert (book.due(1e9), book.next_due_s()) == ([], inf)


def test_a_lifetime_ends_a_connection_at_its_age_and_not_before() -> None:
    book = Book("a")
    speaks(book, UPGRADE, 10.0)
    book.put(rule(Lifetime(ttl_s=5, ending="rst")))
    assert book.next_due_s() == 15
    assert book.due(14.9) == []
    assert book.due(15) == [Cut(1, "rst")]
    assert book.due(99) == []


def test_a_connection_older_than_a_new_lifetime_ends_at_once() -> None:
    book = Book("a")
    book.open(0.0)
    book.put(rule(Lifetime(ttl_s=5)))
    assert book.due(60) == [Cut(1, "fin")]


def test_idleness_counts_from_the_last_byte() -> None:
    book = Book("a")
    made = book.open(0.0)
    book.put(rule(Idleness(idle_s=5)))
    made.active_s = 4.0
    assert (book.due(8.9), book.next_due_s()) == ([], 9)
    assert book.due(9.0) == [Cut(1, "fin")]


@pytest.mark.parametrize(
    ("outcome", "begin"),
    [
        (Refuse(429), b"HTTP/1.1 429 Too Many Requests\r\n"),
        (Refuse(522), b"HTTP/1.1 522 Refused\r\n"),
        (Page(), b"HTTP/1.1 200 OK\r\nContent-Type: text/html"),
    ],
)
def test_an_upgrade_is_answered_in_the_server_s_place(outcome: Refuse | Page, begin: bytes) -> None:
    book = Book("a")
    book.put(rule(upgrades(outcome)))
    _, decision = speaks(book, UPGRADE)
    assert isinstance(decision, Answer)
    assert decision.content.startswith(begin)
    head, _, body = decision.content.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head


def test_a_stripped_upgrade_goes_on_as_an_ordinary_request() -> None:
    book = Book("a")
    book.put(rule(upgrades(Strip())))
    made, decision = speaks(book, UPGRADE)
    assert decision == Forward(ORDINARY)
    assert not made.websocket


@pytest.mark.parametrize("outcome", [Refuse(403), Page(), Strip(), Hang("cut")])
def test_a_request_for_anything_else_passes(outcome: Refuse | Page | Strip | Hang) -> None:
    book = Book("a")
    book.put(rule(upgrades(outcome, cut_open=True)))
    assert speaks(book, ORDINARY)[1] == Forward(ORDINARY)


@pytest.mark.parametrize(("cut_open", "orders"), [(True, [Cut(1, "fin")]), (False, [])])
def test_open_websockets_are_cut_where_asked_and_others_never(
    cut_open: bool, orders: list[Cut]
) -> None:
    book = Book("a")
    speaks(book, UPGRADE)
    speaks(book, ORDINARY)
    assert book.put(rule(upgrades(Refuse(403), cut_open=cut_open))) == orders


def test_a_handshake_hangs_until_its_rule_goes_and_is_then_answered() -> None:
    book = Book("a")
    book.put(hang())
    made, decision = speaks(book, UPGRADE)
    assert decision == NoAnswer()
    assert book.drop("r") == [Reopen(1)]
    assert book.decide(made, said(UPGRADE)) == Forward(UPGRADE)


def test_a_hanging_handshake_is_cut_at_the_end_where_asked() -> None:
    book = Book("a")
    book.put(hang("cut"))
    speaks(book, UPGRADE)
    assert book.drop("r") == [Cut(1, "fin")]


def test_of_two_rules_for_an_upgrade_the_older_decides() -> None:
    book = Book("a")
    book.put(hang())
    book.put(rule(upgrades(Page()), "later"))
    made, decision = speaks(book, UPGRADE)
    assert decision == NoAnswer()
    book.drop("r")
    assert isinstance(book.decide(made, said(UPGRADE)), Answer)


def test_a_stall_holds_who_is_there_and_who_comes_and_frees_both() -> None:
    book = Book("a")
    speaks(book, UPGRADE)
    silent = book.open(0.0)
    assert book.put(rule(Stall())) == [Hold(1)]
    assert book.stalls_at_first_byte(silent)
    assert book.drop("r") == [Thaw(1), Thaw(2)]


def test_a_connection_held_by_two_is_freed_by_the_last() -> None:
    book = Book("a")
    speaks(book, UPGRADE)
    book.put(rule(Stall(), "one"))
    book.put(rule(Stall(), "two"))
    assert book.drop("one") == []
    assert book.drop("two") == [Thaw(1)]


def test_a_rule_may_be_set_twice_but_not_changed_behind_its_name() -> None:
    book = Book("a")
    speaks(book, UPGRADE)
    book.put(rule(Stall()))
    assert book.put(rule(Stall())) == []
    with pytest.raises(ValueError, match="'r' is there already, and differs"):
        book.put(rule(upgrades(Page())))
    assert book.drop("unknown") == []


ACTS: list[Act] = [
    Lifetime(ttl_s=1),
    Idleness(idle_s=1),
    upgrades(Refuse(403), cut_open=True),
    Stall(),
]


@given(
    tenths=st.integers(1, 9),
    open_tens=st.integers(0, 3),
    new_tens=st.integers(0, 3),
    act=st.sampled_from(ACTS),
)
def test_a_share_is_exact_for_open_and_for_new_connections(
    tenths: int, open_tens: int, new_tens: int, act: Act
) -> None:
    """Numbers of others in between (bare connects, ordinary requests) do not count."""
    book = Book("a")

    def come(count: int) -> None:
        for _ in range(count):
            speaks(book, UPGRADE)

    come(open_tens * 10)
    book.put(rule(act, share=tenths / 10))
    book.due(5.0)
    assert book.tallies["r"].hit == open_tens * tenths
    come(new_tens * 10)
    book.due(5.0)
    tally = book.tallies["r"]
    assert tally.concerned == (open_tens + new_tens) * 10
    assert tally.hit == (open_tens + new_tens) * tenths


def test_who_is_hit_follows_from_seed_and_listener() -> None:
    def hit(listener: str, seed: int) -> list[int]:
        book = Book(listener)
        for _ in range(40):
            speaks(book, UPGRADE)
        orders = book.put(Rule(name="r", act=Stall(), share=0.5, seed=seed))
        return [order.number for order in orders]

    assert hit("a", 1) == hit("a", 1)
    assert hit("a", 1) != hit("a", 2)
    assert hit("a", 1) != hit("b", 1)


def test_who_was_spared_by_time_is_spared_for_good() -> None:
    book = Book("a")
    for _ in range(10):
        speaks(book, UPGRADE)
    book.put(rule(Lifetime(ttl_s=1), share=0.5))
    assert len(book.due(1.0)) == 5
    assert (book.due(9.0), book.next_due_s()) == ([], inf)


def test_a_rule_that_comes_again_draws_anew() -> None:
    book = Book("a")
    for _ in range(10):
        speaks(book, UPGRADE)
    book.put(rule(Lifetime(ttl_s=1), share=0.5))
    book.due(1.0)
    book.drop("r")
    book.put(rule(Lifetime(ttl_s=1), share=0.2))
    assert len(book.due(1.0)) == 1
    assert book.tallies["r"].concerned == 5
