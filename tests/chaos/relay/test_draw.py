from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chaos.relay.draw import is_drawn

SHARES = st.floats(0.01, 1)
SEEDS = st.text(max_size=8)


def hits(count: int, share: float, seed: str) -> list[bool]:
    return [is_drawn(rank, share=share, seed=seed) for rank in range(count)]


@given(blocks=st.integers(1, 30), share=SHARES, seed=SEEDS)
def test_of_every_ten_connections_on_the_share_is_exact_up_to_one(
    blocks: int, share: float, seed: str
) -> None:
    assert abs(sum(hits(blocks * 10, share, seed)) - blocks * 10 * share) < 1


@given(tenths=st.integers(1, 9), seed=SEEDS)
def test_a_share_in_tenths_is_exact_in_each_ten(tenths: int, seed: str) -> None:
    found = hits(50, tenths / 10, seed)
    assert [sum(found[at : at + 10]) for at in range(0, 50, 10)] == [tenths] * 5


@given(count=st.integers(1, 60), share=SHARES, seed=SEEDS)
def test_a_seed_draws_the_same_connections_again(count: int, share: float, seed: str) -> None:
    assert hits(count, share, seed) == hits(count, share, seed)


def test_another_seed_draws_others() -> None:
    assert len({tuple(hits(40, 0.5, str(seed))) for seed in range(20)}) > 15


def test_the_whole_share_draws_all() -> None:
    assert all(hits(25, 1.0, "any"))
