from __future__ import annotations

from harness.near_names import near


def test_names_that_look_alike_are_offered_before_all_others() -> None:
    assert near("event-lots", ["hang-poll", "event-lost"]) == (
        "did you mean event-lost? allowed: event-lost, hang-poll"
    )


def test_of_a_long_list_only_what_looks_alike_is_told() -> None:
    names = [f"a name that is number {number} of many" for number in range(40)]

    assert near("idle", [*names, "idle_s"]) == "did you mean idle_s?"
    assert near("zzz", names).startswith("allowed: a name that is number 0 of many, ")
