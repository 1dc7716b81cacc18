"""What load and conductor tell each other survives the pipe."""

from __future__ import annotations

import msgspec
import pytest

from scenarios.messages import (
    Audited,
    Begin,
    Broken,
    CannotRun,
    End,
    FaultsOn,
    FromConductor,
    ToConductor,
    Told,
)
from scenarios.progress import Note
from tests.support.fake_runtime import READY

TO_CONDUCTOR: list[ToConductor] = [
    Begin(started_at_s=1.5, load_begins_at_s=3.0, load_ends_at_s=60.25, processes=2),
    End(ended_at_s=70.5),
    End(ended_at_s=70.5, interrupted="interrupted", broken=("the server ended", "중단됨")),
]
FROM_CONDUCTOR: list[FromConductor] = [
    READY,
    FaultsOn(names=()),
    FaultsOn(names=("block", "slow")),
    Told(note=Note(t_s=1.0, level="fault", text="first line\nsecond line")),
    Broken(text="the server ended"),
    Audited(exit_code=1),
    CannotRun(exit_code=2, text="no such setting"),
]


@pytest.mark.parametrize("message", TO_CONDUCTOR, ids=lambda m: type(m).__name__)
def test_a_message_to_the_conductor_is_one_line_that_reads_back_the_same(
    message: ToConductor,
) -> None:
    line = msgspec.json.encode(message)

    assert b"\n" not in line
    assert msgspec.json.decode(line, type=ToConductor) == message


@pytest.mark.parametrize("message", FROM_CONDUCTOR, ids=lambda m: type(m).__name__)
def test_a_message_from_the_conductor_is_one_line_that_reads_back_the_same(
    message: FromConductor,
) -> None:
    line = msgspec.json.encode(message)

    assert b"\n" not in line
    assert msgspec.json.decode(line, type=FromConductor) == message


def test_a_message_of_the_other_direction_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(TO_CONDUCTOR[0]), type=FromConductor)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(READY), type=ToConductor)
