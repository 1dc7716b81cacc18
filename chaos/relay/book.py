"""What is done to which connection of one listener, and when. Pure: times are arguments.

A rule ranks the connections that it concerns in the order in which it comes to concern them, and
draws each once: a lifetime when the connection reaches it, an idleness likewise, an upgrade when
it is asked for, a stall at the first byte. Those that are open when a rule begins come first, in
the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf

from chaos.relay.answers import page, refusal
from chaos.relay.draw import is_drawn
from chaos.relay.heads import Opening
from chaos.relay.rules import (
    Ending,
    Hang,
    Idleness,
    Lifetime,
    Page,
    Refuse,
    Rule,
    Stall,
    Strip,
    Upgrades,
)


@dataclass(frozen=True)
class Cut:
    """End it at once."""

    number: int
    ending: Ending


@dataclass(frozen=True)
class Hold:
    """Read nothing more from either side."""

    number: int


@dataclass(frozen=True)
class Thaw:
    """Read on."""

    number: int


@dataclass(frozen=True)
class Reopen:
    """Decide anew about its opening, which hung until now."""

    number: int


Order = Cut | Hold | Thaw | Reopen


@dataclass(frozen=True)
class Forward:
    """Connect to the server and pass these bytes on, then everything else."""

    content: bytes


@dataclass(frozen=True)
class Answer:
    """Send these bytes back and close."""

    content: bytes


@dataclass(frozen=True)
class NoAnswer:
    """Keep the connection open and do nothing."""


Decision = Forward | Answer | NoAnswer

Timed = Lifetime | Idleness


@dataclass(kw_only=True)
class Connection:
    """One accepted connection. Times are host-monotonic seconds."""

    number: int
    opened_s: float
    active_s: float
    """When a byte last came, from either side; kept up to date by its owner."""
    spoke: bool = False
    websocket: bool = False
    """Its upgrade went to the server."""
    stalled_by: set[str] = field(default_factory=set)
    hung_by: str = ""
    drawn: dict[str, bool] = field(default_factory=dict)
    """By rule, for those that have concerned it."""


@dataclass
class Tally:
    """Of one rule, since it was set."""

    concerned: int = 0
    hit: int = 0


class Book:
    """The rules and the open connections of one listener."""

    def __init__(self, listener: str) -> None:
        self.rules: dict[str, Rule] = {}
        """By name, in the order in which they were set, which is that of precedence."""
        self.tallies: dict[str, Tally] = {}
        self.connections: dict[int, Connection] = {}
        self.accepted = 0
        self._listener = listener

    # -- rules ----------------------------------------------------------------------------

    def put(self, rule: Rule) -> list[Order]:
        """Set a rule; setting the same twice changes nothing. Call :meth:`due` afterwards.

        Raises :class:`ValueError` where another rule has its name.
        """
        there = self.rules.get(rule.name)
        if there == rule:
            return []
        if there is not None:
            raise ValueError(f"rule {rule.name!r} is there already, and differs")
        self.rules[rule.name] = rule
        self.tallies[rule.name] = Tally()
        match rule.act:
            case Upgrades(cut_open=True):
                return self._hit(rule, lambda each: each.websocket, self._cut_with_fin)
            case Stall():
                return self._hit(rule, lambda each: each.spoke, self._hold)
            case _:
                return []

    def drop(self, name: str) -> list[Order]:
        """Take a rule back, and what it still does; an unknown one changes nothing."""
        rule = self.rules.pop(name, None)
        if rule is None:
            return []
        del self.tallies[name]
        orders: list[Order] = []
        for each in list(self.connections.values()):
            each.drawn.pop(name, None)
            if name in each.stalled_by:
                each.stalled_by.remove(name)
                if not each.stalled_by:
                    orders.append(Thaw(each.number))
            if each.hung_by == name:
                each.hung_by = ""
                orders.append(self._unhang(rule, each))
        return orders

    # -- connections ----------------------------------------------------------------------

    def open(self, now_s: float) -> Connection:
        """A connection was accepted."""
        self.accepted += 1
        made = Connection(number=self.accepted, opened_s=now_s, active_s=now_s)
        self.connections[made.number] = made
        return made

    def close(self, number: int) -> None:
        """It is gone, or was cut."""
        self.connections.pop(number, None)

    def stalls_at_first_byte(self, connection: Connection) -> bool:
        """The client has spoken for the first time: is it to be held?"""
        connection.spoke = True
        for rule in self.rules.values():
            if isinstance(rule.act, Stall) and self._draws(rule, connection):
                connection.stalled_by.add(rule.name)
        return bool(connection.stalled_by)

    def decide(self, connection: Connection, opening: Opening) -> Decision:
        """What becomes of its first request. The first rule that hits it decides."""
        if not opening.upgrade:
            return Forward(opening.content)
        for rule in self.rules.values():
            if isinstance(rule.act, Upgrades) and self._draws(rule, connection):
                match rule.act.outcome:
                    case Refuse(status):
                        return Answer(refusal(status))
                    case Page():
                        return Answer(page())
                    case Strip():
                        return Forward(opening.stripped())
                    case Hang():
                        connection.hung_by = rule.name
                        return NoAnswer()
        connection.websocket = True
        return Forward(opening.content)

    # -- time -----------------------------------------------------------------------------

    def due(self, now_s: float) -> list[Order]:
        """The cuts whose time has come. Whoever was spared once is spared for good."""
        orders: list[Order] = []
        for each in list(self.connections.values()):
            for rule, act in self._timed(each):
                if _moment_s(act, each) <= now_s and self._draws(rule, each):
                    orders.append(self._cut(each, act.ending))
                    break
        return orders

    def next_due_s(self) -> float:
        """When :meth:`due` is to be asked again if no connection comes before; ``inf``: never."""
        return min(map(self.due_of_s, self.connections.values()), default=inf)

    def due_of_s(self, connection: Connection) -> float:
        """When time may end this one if it stays as idle as it is."""
        return min((_moment_s(act, connection) for _, act in self._timed(connection)), default=inf)

    def _timed(self, connection: Connection) -> Iterator[tuple[Rule, Timed]]:
        """The rules that may still end a connection by time."""
        for rule in self.rules.values():
            if isinstance(rule.act, Lifetime | Idleness) and rule.name not in connection.drawn:
                yield rule, rule.act

    # -- inside ---------------------------------------------------------------------------

    def _draws(self, rule: Rule, connection: Connection) -> bool:
        """Rank and draw a connection that a rule concerns, once."""
        if rule.name not in connection.drawn:
            tally = self.tallies[rule.name]
            seed = f"{rule.seed}/{self._listener}"
            hit = is_drawn(tally.concerned, share=rule.share, seed=seed)
            connection.drawn[rule.name] = hit
            tally.concerned += 1
            tally.hit += hit
        return connection.drawn[rule.name]

    def _hit(
        self,
        rule: Rule,
        concerns: Callable[[Connection], bool],
        order: Callable[[Rule, Connection], Order],
    ) -> list[Order]:
        there = [each for each in self.connections.values() if concerns(each)]
        return [order(rule, each) for each in there if self._draws(rule, each)]

    def _cut_with_fin(self, _: Rule, connection: Connection) -> Order:
        return self._cut(connection, "fin")

    def _hold(self, rule: Rule, connection: Connection) -> Order:
        connection.stalled_by.add(rule.name)
        return Hold(connection.number)

    def _cut(self, connection: Connection, ending: Ending) -> Order:
        self.close(connection.number)
        return Cut(connection.number, ending)

    def _unhang(self, rule: Rule, connection: Connection) -> Order:
        match rule.act:
            case Upgrades(outcome=Hang(at_end="cut")):
                return self._cut(connection, "fin")
            case _:
                return Reopen(connection.number)


def _moment_s(act: Timed, connection: Connection) -> float:
    match act:
        case Lifetime(ttl_s=ttl_s):
            return connection.opened_s + ttl_s
        case Idleness(idle_s=idle_s):
            return connection.active_s + idle_s
