"""What may be sent to Toxiproxy 2.12: its API takes anything, and some of it kills the server."""

from __future__ import annotations

from chaos.toxiproxy.model import Toxic, ToxicType
from harness.errors import LocalProtocolError

_ATTRIBUTES: dict[ToxicType, tuple[frozenset[str], frozenset[str]]] = {
    # type: (must be given, may be given)
    "latency": (frozenset({"latency"}), frozenset({"jitter"})),
    "bandwidth": (frozenset({"rate"}), frozenset()),
    "slow_close": (frozenset({"delay"}), frozenset()),
    "timeout": (frozenset({"timeout"}), frozenset()),
    "reset_peer": (frozenset({"timeout"}), frozenset()),
    "slicer": (frozenset({"average_size"}), frozenset({"size_variation", "delay"})),
    "limit_data": (frozenset({"bytes"}), frozenset()),
}


def check_toxic(toxic: Toxic) -> None:
    """Refuse a toxic that Toxiproxy would crash on, misread or take in silence.

    It ignores an attribute it does not know and takes a missing one as 0, which for a bandwidth
    is a full stall and for a slicer an endless recursion; a slicer's variation of its whole size
    or more and negative numbers panic; a toxicity outside 0..1 is no probability.

    Raises:
        LocalProtocolError: with the toxic's name and the rule; nothing has been sent.
    """
    required, optional = _ATTRIBUTES[toxic.type]
    given = toxic.attributes.keys()
    if missing := sorted(required - given):
        raise _refusal(toxic, f"needs {', '.join(missing)}")
    if unknown := sorted(given - required - optional):
        allowed = ", ".join(sorted(required | optional))
        raise _refusal(toxic, f"has no {', '.join(unknown)}; it has {allowed}")
    for name, value in toxic.attributes.items():
        if value < 0:
            raise _refusal(toxic, f"{name} is {value}; it must be 0 or more")
    if not 0.0 <= toxic.toxicity <= 1.0:
        raise _refusal(toxic, f"toxicity is {toxic.toxicity}; it must be from 0 to 1")
    if toxic.type == "slicer":
        _check_slicer(toxic)


def _check_slicer(toxic: Toxic) -> None:
    size = toxic.attributes["average_size"]
    variation = toxic.attributes.get("size_variation", 0)
    if size < 1:
        raise _refusal(toxic, "average_size is 0; it must be 1 or more (0 kills the server)")
    if variation >= size:
        raise _refusal(
            toxic, f"size_variation is {variation}; it must be below average_size ({size})"
        )


def _refusal(toxic: Toxic, rule: str) -> LocalProtocolError:
    return LocalProtocolError(f"toxic {toxic.name!r}: {toxic.type} {rule}")
