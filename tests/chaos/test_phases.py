from __future__ import annotations

import pytest

from chaos.faults.phases import Phase, check_phases
from harness.errors import UsageError


def phase(name: str, at_s: float, for_s: float) -> Phase:
    return Phase(name=name, at_s=at_s, for_s=for_s)


def test_phases_may_touch_and_come_in_any_order() -> None:
    check_phases([phase("b", 0.3, 5), phase("a", 0.1, 0.2)], where="x.toml")


@pytest.mark.parametrize(
    ("second", "line"),
    [
        (
            phase("storm", 8, 5),
            "x.toml: phases.storm.at_s: 8 lies in phase 'calm'; allowed: 10 or later",
        ),
        (phase("calm", 20, 5), "x.toml: phases.calm: is there twice; names must differ"),
    ],
)
def test_phases_that_overlap_or_share_a_name_are_refused(second: Phase, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_phases([second, phase("calm", 0, 10)], where="x.toml")
    assert str(caught.value) == line
