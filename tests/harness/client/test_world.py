"""Pages and the server's real room logic over a network that lies: what holds all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from harness.client.policy import POLICIES, Policy
from tests.support.world import World
from tests.support.world_user import FAULTS, Fault, User

PLAN, REVIEWED, HARDENED = (
    msgspec.structs.replace(POLICIES[name], poll_limit=5)
    for name in ("plan", "plan-reviewed", "hardened")
)
LEGACY = POLICIES["legacy"]
COMMIT_DELAYS_S = (0.5, 4.0, 14.0)
"""All within the overlap of the hardened cursor (H1)."""

numbers = st.integers(0, 3)
seconds = st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0, 9.0, 12.0, 30.0])


class RoomOfLies(RuleBasedStateMachine):
    """Two hardened pages (one of the older serializer), and one of each kind of plan."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            [(HARDENED, "2.0.0"), (HARDENED, "1.0.0"), (PLAN, "2.0.0"), (REVIEWED, "2.0.0")]
        )

    def user(self, number: int) -> User:
        return self.world.users[number]

    @rule(number=numbers)
    def types(self, number: int) -> None:
        self.world.types(self.user(number))

    @rule()
    def stranger_types(self) -> None:
        self.world.stranger_types()

    @rule(delay_s=st.sampled_from(COMMIT_DELAYS_S))
    def stranger_commits_late(self, delay_s: float) -> None:
        self.world.stranger_types_and_commits_late(delay_s)

    @rule(number=numbers, visible=st.booleans())
    def shows_or_hides(self, number: int, visible: bool) -> None:
        self.world.set_visible(self.user(number), visible)

    @rule(number=numbers, online=st.booleans())
    def goes_on_or_offline(self, number: int, online: bool) -> None:
        self.world.set_online(self.user(number), online)

    @rule(number=numbers)
    def sends_again(self, number: int) -> None:
        self.world.sends_again(self.user(number))

    @rule(number=numbers)
    def freezes(self, number: int) -> None:
        self.world.freeze(self.user(number))

    @rule(number=numbers)
    def thaws(self, number: int) -> None:
        self.world.thaw(self.user(number))

    @rule(number=numbers)
    def navigates_away(self, number: int) -> None:
        self.world.navigate_away(self.user(number))

    @rule(number=numbers)
    def discards(self, number: int) -> None:
        self.world.discard(self.user(number))

    @rule(number=numbers, refuses=st.booleans())
    def refuses_sockets(self, number: int, refuses: bool) -> None:
        self.user(number).line.refuses = refuses

    @rule(number=numbers)
    def blocks(self, number: int) -> None:
        self.world.block(self.user(number))

    @rule(number=numbers)
    def unblocks(self, number: int) -> None:
        self.world.unblock(self.user(number))

    @rule(number=numbers)
    def cuts(self, number: int) -> None:
        self.world.cut(self.user(number))

    @rule(number=numbers, faults=st.lists(st.sampled_from(FAULTS), max_size=2))
    def is_away_for_a_second(self, number: int, faults: list[Fault]) -> None:
        self.world.cut(self.user(number))
        self.world.stranger_types()
        self.user(number).line.faults.extend(faults)
        self.world.wait(1.3)

    @rule(number=numbers)
    def dies_silently(self, number: int) -> None:
        self.world.dies_silently(self.user(number))

    @rule(number=numbers)
    def ends_the_channel(self, number: int) -> None:
        self.world.end_channel(self.user(number))

    @rule(number=numbers, count=st.integers(1, 5))
    def repeats_frames(self, number: int, count: int) -> None:
        self.user(number).line.repeats += count

    @rule(number=numbers, faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3))
    def spoils_requests(self, number: int, faults: list[Fault]) -> None:
        self.user(number).line.faults.extend(faults)

    @rule(seconds=seconds)
    def waits(self, seconds: float) -> None:
        self.world.wait(seconds)

    def teardown(self) -> None:
        self.world.heal()
        for user in self.world.users:
            if user.frozen:
                self.world.thaw(user)
        self.world.wait(max(COMMIT_DELAYS_S))
        self.world.settle()
        self.world.wait(1.0)
        for user in self.world.users:
            assert user.spinning() == set()
            assert user.unfinished() == set()
            if user.policy is HARDENED and user.visible and user.online:
                assert self.world.missing(user) == set(), f"user {user.number}"


TestRoomOfLies = RoomOfLies.TestCase
TestRoomOfLies.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)

# -- what the owners' plan loses (H5) -------------------------------------------------------

SEARCH = settings(max_examples=500, derandomize=True, database=None, phases=[Phase.generate])
"""How a search goes on until it has found what is there."""
Act = Callable[[World], None]
ACTS: dict[str, Act] = {
    "cut": lambda world: world.cut(world.users[0]),
    "message": World.stranger_types,
    "wait 0.3 s": lambda world: world.wait(0.3),
    "wait 2 s": lambda world: world.wait(2.0),
    "wait 12 s": lambda world: world.wait(12.0),
}
LOSS = ("cut", "message", "wait 2 s", "message")
"""A row is committed while the socket is away for a second; the next one hides the gap."""


def lost(policy: Policy, acts: Iterable[str]) -> set[int]:
    """The rows that a page never gets, live at first, however long it looks at the room after."""
    world = World([(policy, "2.0.0")])
    world.wait(2.0)
    for act in acts:
        ACTS[act](world)
    world.settle()
    world.wait(1.0)
    return world.missing(world.users[0])


def test_h5_the_plan_loses_the_rows_of_a_short_outage_for_ever() -> None:
    assert lost(PLAN, LOSS) == {1}


def test_h5_the_hardened_policy_loses_nothing_of_the_same_outage() -> None:
    assert lost(HARDENED, LOSS) == set()


@pytest.mark.parametrize(
    ("changed", "is_enough"),
    [
        ({"poll_on_subscribed": True}, True),
        ({"poll_on_release": True}, False),
        ({"cursor": "confirmed"}, False),
    ],
    ids=["poll-on-subscribed", "poll-on-release", "confirmed"],
)
def test_h5_which_switch_alone_brings_the_row_back(
    changed: dict[str, bool | str], is_enough: bool
) -> None:
    policy = Policy(**{"name": "one switch", **changed})  # type: ignore[arg-type]

    assert (lost(policy, LOSS) == set()) is is_enough


@pytest.mark.parametrize(("policy", "loses"), [(PLAN, True), (HARDENED, False)])
def test_h8_a_row_between_the_join_and_system_ok_is_lost_unless_a_poll_follows(
    policy: Policy, loses: bool
) -> None:
    world = World([(policy, "2.0.0")])
    world.wait(0.3)  # the history is read, the channel joined, and rows do not flow yet
    world.stranger_types()

    world.settle()

    assert (1 in world.missing(world.users[0])) is loses


def test_h5_a_search_finds_a_loss_of_the_plan_by_itself() -> None:
    found = find(
        st.lists(st.sampled_from(sorted(ACTS)), max_size=8),
        lambda acts: bool(lost(PLAN, acts)),
        settings=SEARCH,
    )

    assert "cut" in found
    assert lost(HARDENED, found) == set()


# -- hazards that each policy has, and has not (chat.md, realtime.md section 8) ---------------


@pytest.mark.parametrize(("policy", "loses"), [(PLAN, True), (REVIEWED, True), (HARDENED, False)])
@pytest.mark.parametrize("polling", [True, False], ids=["polling", "cut"])
def test_h1_a_row_that_is_committed_after_a_greater_id_is_lost_without_an_overlap(
    policy: Policy, loses: bool, polling: bool
) -> None:
    """The page polls (its sockets are refused), or is away only while the late row is committed."""
    world = World([(policy, "2.0.0")])
    (user,) = world.users
    user.line.refuses = polling
    world.wait(12.0)
    late = world.stranger_types_and_commits_late(8.0)
    world.stranger_types()
    world.wait(7.0)
    if not polling:
        world.cut(user)
    world.wait(8.0)
    assert late in {row.id for row in world.server.store.rows}

    world.settle()

    assert world.missing(user) == ({late} if loses else set())


@pytest.mark.parametrize(("policy", "polls"), [(PLAN, True), (REVIEWED, True), (HARDENED, False)])
def test_h3_a_quiet_room_switches_polling_on_unless_silence_is_looked_into(
    policy: Policy, polls: bool
) -> None:
    world = World([(policy, "2.0.0")])
    world.wait(60.0)
    assert world.users[0].session.is_polling is polls


def test_h4_a_mute_channel_in_a_busy_room_switches_polling_on_all_the_same() -> None:
    world = World([(HARDENED, "2.0.0")])
    (user,) = world.users
    world.wait(5.0)
    world.dies_silently(user)
    for _ in range(20):
        world.stranger_types()
        world.wait(1.0)
    world.wait(3.5)

    assert user.session.is_polling
    assert world.missing(user) == set()


@pytest.mark.parametrize(
    ("policy", "ends"), [(LEGACY, False), (PLAN, True), (REVIEWED, True), (HARDENED, True)]
)
def test_s3_a_spinner_ends_whatever_becomes_of_the_send_but_not_before_the_plan(
    policy: Policy, ends: bool
) -> None:
    world = World([(policy, "2.0.0")])
    (user,) = world.users
    world.wait(5.0)
    user.line.faults.append("lost")
    world.types(user)

    world.settle()

    assert (user.spinning() == set()) is ends


def test_h9_before_the_plan_a_channel_that_ended_stays_ended() -> None:
    worlds = [World([(policy, "2.0.0")]) for policy in (LEGACY, HARDENED)]
    for world in worlds:
        world.wait(5.0)
        world.end_channel(world.users[0])
        world.settle()

    legacy, hardened = (world.missing(world.users[0]) for world in worlds)

    assert len(legacy) > 40
    assert hardened == set()


def test_the_suite_finds_by_itself_a_spinner_that_never_ends_before_the_plan() -> None:
    def spins(acts: list[str]) -> bool:
        world = World([(LEGACY, "2.0.0")])
        (user,) = world.users
        world.wait(2.0)
        for act in acts:
            if act == "types":
                world.types(user)
            else:
                ACTS[act](world)
        world.settle(1)
        return user.spinning() != set()

    found = find(
        st.lists(st.sampled_from([*sorted(ACTS), "types"]), max_size=6),
        spins,
        settings=SEARCH,
    )

    assert "types" in found


@pytest.mark.parametrize(("policy", "stays"), [(PLAN, True), (REVIEWED, True), (HARDENED, False)])
@pytest.mark.parametrize("away", [False, True], ids=["live", "away"])
@pytest.mark.parametrize("what", ["hidden", "deleted"])
def test_h2_a_row_that_was_hidden_or_deleted_stays_where_nobody_looks_for_it(
    policy: Policy, stays: bool, away: bool, what: str
) -> None:
    world = World([(policy, "2.0.0")])
    (user,) = world.users
    world.wait(5.0)
    world.stranger_types()
    world.wait(1.0)
    if away:
        world.cut(user)
    if what == "hidden":
        world.hide(1)
    else:
        world.delete(1)
    world.settle(1)

    hears_it = what == "hidden" and not away  # an UPDATE passes the room's filter, live
    assert user.changed.get(1) == (None if stays and not hears_it else what)


def test_h8_a_probe_does_not_replace_the_catch_up_that_was_lost() -> None:
    world = World([(HARDENED, "2.0.0")])
    (user,) = world.users
    world.cut(user)
    user.line.faults.extend(["lost", "lost"])
    world.wait(1.3)
    world.stranger_types()  # before the channel is live again
    world.wait(12.0)

    world.settle()

    assert world.missing(user) == set()
