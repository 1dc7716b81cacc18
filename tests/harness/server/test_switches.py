from __future__ import annotations

import msgspec
import pytest

from harness.errors import UsageError
from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.switches import Switches, Turn, parse_turn


def test_a_turn_changes_the_knobs_it_names_and_no_other() -> None:
    switches = Switches(Knobs(idle_timeout_s=7.0))

    switches.turn(parse_turn(b'{"knobs": {"system_ok_delay_s": 3.5}}'))

    assert switches.knobs == Knobs(idle_timeout_s=7.0, system_ok_delay_s=3.5)


def test_a_turn_names_all_defects_that_are_to_hold() -> None:
    switches = Switches(Knobs(), frozenset({Defect.EVENT_LOST}))

    switches.turn(parse_turn(b'{"defects": ["hang-create"]}'))
    assert switches.has(Defect.HANG_CREATE)
    assert not switches.has(Defect.EVENT_LOST)

    switches.turn(parse_turn(b'{"defects": []}'))
    assert switches.defects == frozenset()


def test_a_turn_without_defects_leaves_them() -> None:
    switches = Switches(Knobs(), frozenset({Defect.EVENT_LOST}))

    switches.turn(Turn(knobs={"keep_alive_s": 5}))

    assert switches.has(Defect.EVENT_LOST)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"nonsense", "switches"),
        (b"[]", "switches"),
        (b'{"knob": {}}', "knob"),
        (b'{"knobs": {"nonsense": 1}}', "nonsense"),
        (b'{"knobs": {"idle_timeout_s": "soon"}}', "idle_timeout_s"),
        (b'{"defects": ["even-lost"]}', "even-lost"),
    ],
)
def test_a_turn_that_makes_no_sense_is_one_line_that_names_it(body: bytes, named: str) -> None:
    with pytest.raises(UsageError, match=named) as caught:
        parse_turn(body)

    assert "\n" not in str(caught.value)


def test_a_checked_turn_is_whole() -> None:
    turn = parse_turn(msgspec.json.encode(Turn({"max_unsent_bytes": 10}, ["event-lost"])))

    assert turn == Turn({"max_unsent_bytes": 10}, ["event-lost"])
