from __future__ import annotations

import time

import gevent

from harness.client.browser import Browser
from harness.drivers.patience import Patience

LIMIT_S = 0.2


def test_a_limit_counts_from_its_beginning_though_the_loop_has_not_looked_at_the_clock() -> None:
    said: list[str] = []
    browser = Browser(name="chrome", handshake_timeout_s=LIMIT_S)
    patience = Patience(gevent.get_hub().loop, browser, said.append)
    gevent.sleep(0)
    time.sleep(2 * LIMIT_S)  # blocks the loop, whose clock stands still meanwhile

    began_s = time.monotonic()
    patience.connecting()
    while not said:
        gevent.sleep(0.01)

    assert time.monotonic() - began_s >= LIMIT_S * 0.9
    assert said == ["the handshake took too long"]
    patience.over()
