"""Whatever peers send, and whenever: nothing raises, and the screen keeps its rules."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.client.library import CURRENT, LEGACY, Library
from harness.client.policy import Policy
from harness.records import Fate, SendEnded, SendStarted, SpinnerOff
from harness.wire.phoenix import Vsn
from tests.support.page import HARDENED, PLAN, Page
from tests.support.scripts import Step, hostile_lives, hostile_texts, play

policies = st.sampled_from([PLAN, HARDENED])


@given(
    steps=hostile_lives,
    policy=policies,
    vsn=st.sampled_from(["1.0.0", "2.0.0"]),
    library=st.sampled_from([CURRENT, LEGACY]),
)
@settings(max_examples=300)
def test_no_peer_makes_a_page_raise_or_break_the_rules_of_the_screen(
    steps: list[Step], policy: Policy, vsn: Vsn, library: Library
) -> None:
    page = Page(policy, vsn=vsn, library=library)

    play(page, steps)
    page.closes()

    shown = Counter(one.row_id for one in page.sink.deliveries if one.fate is not Fate.SUPPRESSED)
    assert max(shown.values(), default=0) <= 1  # R4
    spinners = Counter(one.client_msg_id for one in page.events(SpinnerOff))
    assert max(spinners.values(), default=0) <= 1  # S3
    ends = Counter(one.client_msg_id for one in page.events(SendEnded))
    assert max(ends.values(), default=0) <= 1


@given(steps=hostile_lives, policy=policies)
@settings(max_examples=100)
def test_s3_every_spinner_ends_whatever_comes_before_the_timeout(
    steps: list[Step], policy: Policy
) -> None:
    page = Page(policy)
    play(page, steps)

    page.wait(policy.ack_timeout_s)

    begun = {one.client_msg_id for one in page.events(SendStarted)}
    assert {one.client_msg_id for one in page.events(SpinnerOff)} == begun


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
@given(texts=st.lists(hostile_texts, max_size=10))
@settings(max_examples=100)
def test_a_live_page_reads_on_after_anything(vsn: Vsn, texts: list[str | bytes]) -> None:
    page = Page(vsn=vsn)
    page.opens()
    page.goes_live()

    for text in texts:
        page.raw(text)
