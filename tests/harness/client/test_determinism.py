"""The same seed and inputs give the same commands and records, byte for byte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.page import HARDENED, Page, polling_page, transcript
from tests.support.scripts import Step, lives, play

TOUR = """
from tests.support.page import live_page, row, transcript
import hashlib
page = live_page()
page.types(); page.wait(12.0); page.socket_closes(); page.wait(40.0)
page.goes_live(); page.receives(row(1)); page.wait(100.0); page.closes()
print(hashlib.sha256(transcript(page)).hexdigest())
"""


@given(steps=lives, seed=st.integers(0, 100))
@settings(max_examples=100)
def test_two_pages_with_one_seed_and_one_life_do_the_same(steps: list[Step], seed: int) -> None:
    one, other = Page(HARDENED, seed=seed), Page(HARDENED, seed=seed)

    play(one, steps)
    play(other, steps)

    assert transcript(one) == transcript(other)


def test_another_seed_or_another_user_polls_at_other_times() -> None:
    pages = [polling_page(seed=7), polling_page(seed=8)]
    for page in pages:
        page.wait(20.0)

    assert transcript(pages[0]) != transcript(pages[1])
    one, other = Page(seed=7, user=1), Page(seed=7, user=2)
    for page in (one, other):
        page.opens()
        page.wait(30.0)
    times = [[poll.t_s for poll in page.sink.events] for page in (one, other)]
    assert times[0] != times[1]


@pytest.mark.e2e
def test_another_process_with_other_hashes_does_the_same() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", TOUR],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert len(digests) == 1
    assert len(digests.pop().strip()) == hashlib.sha256().digest_size * 2
