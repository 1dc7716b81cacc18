"""What each part of the rig will be told at which moment, in words, before anything is started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from chaos.changes import ChangeStep, steps_between
from chaos.faults.model import BOTH_WAYS, Change, Disable, Means
from chaos.faults.moves import Moved
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import Down, Turned
from chaos.relay.rules import Rule
from chaos.timeline import plan
from chaos.toxiproxy.model import Toxic


class Order(msgspec.Struct, frozen=True):
    """One thing that one part of the rig is told."""

    means: Means
    where: tuple[str, ...]
    """Proxies, or the cohorts whose browsers are meant; empty for the server."""
    words: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A fault begins, changes or ends."""

    at_s: float
    """Seconds after the load begins."""
    what: Literal["begin", "change", "end"]
    fault: str
    orders: tuple[Order, ...]


def explain(faults: Iterable[ScheduledFault]) -> tuple[Moment, ...]:
    """The whole timeline in the order in which the director will play it."""
    on: dict[str, tuple[Change, ...]] = {}
    moments = []
    for action in plan(faults):
        fault = action.fault
        before = on.get(fault.name, ())
        on[fault.name] = action.changes
        words = _words(steps_between(before, action.changes))
        orders = tuple(Order(fault.fault.means, _where(fault), each) for each in words)
        moments.append(Moment(at_s=action.at_s, what=action.what, fault=fault.name, orders=orders))
    return tuple(moments)


def _where(fault: ScheduledFault) -> tuple[str, ...]:
    if fault.on is not None:
        return fault.proxies
    return fault.cohorts if fault.fault.means == "browser" else ()


def _words(steps: Sequence[ChangeStep]) -> Iterator[str]:
    """A line for each step; toxics that differ in nothing but their streams share one."""
    left = list(steps)
    while left:
        first = left.pop(0)
        match first.change:
            case Disable():
                yield "enable the proxy" if first.what == "undo" else "disable the proxy"
            case Toxic() as toxic:
                alike = [step for step in left if _alike(step, first)]
                left = [step for step in left if step not in alike]
                streams = [step.change.stream for step in alike if isinstance(step.change, Toxic)]
                yield _toxic(first.what, toxic, [toxic.stream, *streams])
            case Rule() as rule:
                yield _rule(first.what, rule)
            case Turned() as turned:
                yield _switches(first.what, turned)
            case Down(how):
                yield "start it again" if first.what == "undo" else f"{how} the process"
            case Moved(go, back):
                acts = back if first.what == "undo" else go
                if acts:
                    yield ", then ".join(acts)
            case other:
                verb = "take back" if first.what == "undo" else "set"
                yield f"{verb} {type(other).__name__} {_numbers(msgspec.to_builtins(other))}"


def _rule(what: str, rule: Rule) -> str:
    act: dict[str, Any] = msgspec.to_builtins(rule.act)
    kind = act.pop("type")
    if what == "undo":
        return f"remove rule {kind}"
    share = f" share={rule.share:g}" if rule.share < 1 else ""
    return f"add rule {kind}: {_numbers(act)}{share}".rstrip(" :")


def _switches(what: str, turned: Turned) -> str:
    defects = ", ".join(sorted(turned.defects))
    if what == "undo":
        knobs = ", ".join(turned.knobs)
        said = (f"turn back {knobs}" if knobs else "", f"take out {defects}" if defects else "")
    else:
        knobs = _numbers(turned.knobs)
        said = (f"turn {knobs}" if knobs else "", f"plant {defects}" if defects else "")
    return "; ".join(each for each in said if each)


def _alike(step: ChangeStep, other: ChangeStep) -> bool:
    one, two = step.change, other.change
    if step.what != other.what or not (isinstance(one, Toxic) and isinstance(two, Toxic)):
        return False
    return (one.type, one.attributes, one.toxicity) == (two.type, two.attributes, two.toxicity)


def _toxic(what: str, toxic: Toxic, streams: Sequence[str]) -> str:
    way = "both ways" if set(streams) == set(BOTH_WAYS) else streams[0]
    if what == "undo":
        return f"remove {toxic.type}, {way}"
    share = f" toxicity={toxic.toxicity:g}" if toxic.toxicity < 1 else ""
    verb = "add" if what == "do" else "update"
    return f"{verb} {toxic.type}, {way}: {_numbers(toxic.attributes)}{share}"


def _numbers(fields: Mapping[str, Any]) -> str:
    """Fields by their names; those of a part by the part's own."""
    said = []
    for key, value in fields.items():
        if isinstance(value, Mapping):
            own = {name: each for name, each in value.items() if name != "type"}
            said.append(f"{key}={value.get('type', '')} {_numbers(own)}".rstrip())
        else:
            said.append(f"{key}={value}")
    return " ".join(said)
