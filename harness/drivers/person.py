"""Where the person is: what their acts so far allow them to do now.

One table of acts. The plan follows it too (``scenarios.people``), so an act that is not in it is
a fault of ours.
"""

from __future__ import annotations

from enum import Enum, auto

from harness.client.states import after
from harness.records import SkipReason
from harness.runsettings import MoveKind


class Place(Enum):
    """Where the person is, seen from the chat's tab."""

    ELSEWHERE = auto()
    """The page is not open: not there yet, or gone."""
    READING = auto()
    """The tab is in front, the network is there."""
    OTHER_TAB = auto()
    """The page is open and hidden."""
    TAB_FROZEN = auto()
    """Likewise, and the browser lets no task of it run."""
    TAB_DISCARDED = auto()
    """The browser threw the hidden page away; its tab is still there."""
    OTHER_PAGE = auto()
    """Another page in the same tab; the browser may keep the chat's, frozen."""
    NO_NETWORK = auto()
    """The tab is in front; the browser says that it is offline, and nothing gets through."""
    LID_CLOSED = auto()
    """The laptop sleeps: hidden, offline, and no timer runs."""


class Act(Enum):
    """:data:`harness.runsettings.MoveKind` as the table's triggers."""

    ARRIVE = "arrive"
    HIDE = "hide"
    SHOW = "show"
    FREEZE = "freeze"
    DISCARD = "discard"
    NAVIGATE_AWAY = "navigate_away"
    NAVIGATE_BACK = "navigate_back"
    GO_OFFLINE = "go_offline"
    GO_ONLINE = "go_online"
    SWITCH_NETWORK = "switch_network"
    CLOSE_LID = "close_lid"
    OPEN_LID = "open_lid"
    LEAVE = "leave"
    COME_BACK = "come_back"


PLACE_TABLE: dict[tuple[Place, Act], Place] = {
    (Place.ELSEWHERE, Act.ARRIVE): Place.READING,
    (Place.ELSEWHERE, Act.COME_BACK): Place.READING,
    (Place.READING, Act.HIDE): Place.OTHER_TAB,
    (Place.READING, Act.NAVIGATE_AWAY): Place.OTHER_PAGE,
    (Place.READING, Act.GO_OFFLINE): Place.NO_NETWORK,
    (Place.READING, Act.CLOSE_LID): Place.LID_CLOSED,
    (Place.READING, Act.LEAVE): Place.ELSEWHERE,
    (Place.OTHER_TAB, Act.SHOW): Place.READING,
    (Place.OTHER_TAB, Act.FREEZE): Place.TAB_FROZEN,
    (Place.OTHER_TAB, Act.DISCARD): Place.TAB_DISCARDED,
    (Place.OTHER_TAB, Act.LEAVE): Place.ELSEWHERE,
    (Place.TAB_FROZEN, Act.SHOW): Place.READING,
    (Place.TAB_FROZEN, Act.DISCARD): Place.TAB_DISCARDED,
    (Place.TAB_FROZEN, Act.LEAVE): Place.ELSEWHERE,
    (Place.TAB_DISCARDED, Act.SHOW): Place.READING,
    (Place.TAB_DISCARDED, Act.LEAVE): Place.ELSEWHERE,
    (Place.OTHER_PAGE, Act.NAVIGATE_BACK): Place.READING,
    (Place.NO_NETWORK, Act.GO_ONLINE): Place.READING,
    (Place.NO_NETWORK, Act.SWITCH_NETWORK): Place.READING,
    (Place.LID_CLOSED, Act.OPEN_LID): Place.READING,
}

_WHY_NOT: dict[Place, SkipReason] = {
    Place.ELSEWHERE: "page_not_open",
    Place.OTHER_TAB: "tab_hidden",
    Place.TAB_FROZEN: "tab_hidden",
    Place.TAB_DISCARDED: "page_not_open",
    Place.OTHER_PAGE: "page_not_open",
    Place.LID_CLOSED: "asleep",
}
"""Without a network a person can click all the same: the send fails, which is what is measured."""


class Person:
    """Follows the acts of one person."""

    __slots__ = ("_place",)

    def __init__(self) -> None:
        self._place = Place.ELSEWHERE

    def does(self, act: MoveKind) -> None:
        """Raises :class:`harness.errors.LocalProtocolError` for an act that makes no sense now."""
        self._place = after(PLACE_TABLE, self._place, Act(act))

    @property
    def why_not(self) -> SkipReason | None:
        """What keeps them from clicking on send; ``None``: nothing."""
        return _WHY_NOT.get(self._place)

    @property
    def has_network(self) -> bool:
        return self._place not in (Place.NO_NETWORK, Place.LID_CLOSED)

    @property
    def is_page_frozen(self) -> bool:
        """The page is in memory and nothing of it runs: what reaches it waits."""
        return self._place in (Place.TAB_FROZEN, Place.OTHER_PAGE)

    @property
    def is_asleep(self) -> bool:
        return self._place is Place.LID_CLOSED
