from __future__ import annotations

from chaos.changes import ChangeStep, steps_between
from chaos.faults.model import Disable
from chaos.faults.server.switches import Turned
from chaos.toxiproxy.model import Stream, Toxic


def slow(latency: int, stream: Stream = "upstream", name: str = "slow") -> Toxic:
    return Toxic(name=name, type="latency", stream=stream, attributes={"latency": latency})


def test_what_stays_is_not_touched_and_what_goes_goes_before_what_comes() -> None:
    up, down = slow(1, name="up"), slow(1, "downstream", "down")
    assert steps_between((up, down), (down, Disable())) == (
        ChangeStep("undo", up),
        ChangeStep("do", Disable()),
    )


def test_a_toxic_with_other_numbers_is_updated_in_place() -> None:
    assert steps_between((slow(1), Disable()), (slow(2),)) == (
        ChangeStep("undo", Disable()),
        ChangeStep("update", slow(2)),
    )


def test_a_toxic_on_another_stream_or_of_another_type_is_another_one() -> None:
    other = Toxic(name="slow", type="bandwidth", stream="upstream", attributes={"rate": 1})
    for now in (slow(1, "downstream"), other):
        assert steps_between((slow(1),), (now,)) == (
            ChangeStep("undo", slow(1)),
            ChangeStep("do", now),
        )


def test_switches_of_the_server_are_taken_back_and_set() -> None:
    some, other = Turned(knobs={"a": 1}), Turned(knobs={"a": 2})
    assert steps_between((some,), (other,)) == (ChangeStep("undo", some), ChangeStep("do", other))
