"""What is said beside each figure: its legend, and in words what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from reports.model import Audit, Series
from reports.texts import Sayable, Sentence, sentence
from reports.texts.quantity import Quantity
from reports.timeline import slowest_of_each_second


@dataclass(frozen=True)
class Chip:
    """An entry of a legend: a mark of the page's style sheet and what it stands for."""

    look: str
    said: Sayable


_STATES = (
    Chip("live", sentence("legend.live")),
    Chip("fallback", sentence("legend.fallback")),
    Chip("dark", sentence("legend.dark")),
)
_SHADE = Chip("shade", sentence("legend.shade"))
_LOST = Chip("lost", sentence("legend.lost"))


NO_DATA = (sentence("figure.no_data"),)
"""The words of a figure for which nothing was recorded."""


def legend(audit: Audit, name: str) -> tuple[Chip, ...]:
    """The legend of a figure, by its name."""
    late = Quantity(audit.settings.late_after_s, "seconds")
    lost = (_LOST,) if any(w.kind == "lost" for w in audit.wrong) else ()
    shade = (_SHADE,) if audit.receipts else ()
    chips: dict[str, tuple[Chip, ...]] = {
        "faults": (
            Chip("planned", sentence("legend.planned")),
            Chip("measured", sentence("legend.measured")),
        ),
        "users": _STATES,
        "wait": (
            Chip("live", sentence("legend.in_time", late=late)),
            Chip("dark", sentence("legend.late", late=late)),
            *lost,
        ),
        "latency": (
            Chip("live dot", sentence("legend.realtime")),
            Chip("fallback triangle", sentence("legend.poll")),
            Chip("api", sentence("legend.api")),
            *lost,
            *shade,
        ),
        "transport": (*_STATES, *shade),
        "polls": (
            Chip("fallback line", sentence("legend.polls")),
            Chip("reconnects line dashed", sentence("legend.reconnects")),
            *shade,
        ),
        "sends": (
            Chip("sends line", sentence("legend.sends")),
            Chip("dark line dashed", sentence("legend.timeouts")),
            *shade,
        ),
    }
    return chips[name]


def words(audit: Audit, name: str) -> tuple[Sentence, ...]:
    """What a figure shows, in sentences; says so where there is nothing to show."""
    series = audit.series
    if name == "faults":
        if not audit.receipts or audit.settings.load_begins_at_s is None:
            return NO_DATA
        return (sentence("alt.faults", count=len(audit.receipts)),)
    if name in ("wait", "latency"):
        if not series.deliveries:
            return NO_DATA
        reading = ("figure.log_axis", "figure.sampled") if name == "latency" else ("figure.axis",)
        return (_worst_wait(series), *(sentence(key) for key in reading))
    if not series.second_s:
        return NO_DATA
    by_second = {"users": _worst_users, "transport": _worst_users, "polls": _busiest}
    return (by_second.get(name, _sent)(series),)


def _worst_wait(series: Series) -> Sentence:
    at, worst = max(slowest_of_each_second(series.deliveries), key=lambda pair: pair[1])
    return sentence("alt.wait", worst=Quantity(worst, "seconds"), at=Quantity(float(at), "seconds"))


def _worst_users(series: Series) -> Sentence:
    layers = zip(series.users_live, series.users_fallback, series.users_dark, strict=True)
    shares = [
        (dark / (live + fallback + dark), fallback / (live + fallback + dark))
        for live, fallback, dark in layers
        if live + fallback + dark > 0
    ]
    return sentence(
        "alt.users",
        dark=Quantity(max((dark for dark, _ in shares), default=0.0), "share"),
        fallback=Quantity(max((fallback for _, fallback in shares), default=0.0), "share"),
    )


def _busiest(series: Series) -> Sentence:
    return sentence(
        "alt.polls",
        polls=Quantity(max(series.polls, default=0), "count"),
        reconnects=Quantity(max(series.reconnects, default=0), "count"),
    )


def _sent(series: Series) -> Sentence:
    return sentence(
        "alt.sends",
        sends=Quantity(sum(series.sends), "messages"),
        timeouts=Quantity(sum(series.send_timeouts), "messages"),
    )
