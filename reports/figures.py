"""The report's pictures: one function a figure, each from an :class:`Audit` to SVG text.

The SVGs hold no sentence, only numbers, units and fault names: titles and legends are told
around them in the reader's language. Lines and letters use ``currentColor``, so that a picture
inside a page follows its light or dark theme. The same audit gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.canvas import INK, draw_over_time
from reports.model import Audit
from reports.timeline import (
    end_of_fault_s,
    fault_label,
    measured_spans,
    slowest_of_each_second,
    time_range,
)

PALETTE = {
    "live": "#3d85c6",
    "fallback": "#e0a100",
    "dark": "#d9542b",
    "api": "#1a9e77",
    "reconnects": "#a476c9",
    "sends": "#6f8fa8",
}
"""Told apart with every common kind of colour blindness, on light and on dark ground."""


def fault_lanes(audit: Audit) -> str:
    """A line for each fault: planned as an outline, measured as a bar."""
    zero = audit.settings.load_begins_at_s
    receipts = audit.receipts
    rows = max(len(receipts), 1)

    def draw(axes: Any) -> None:
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        for row, receipt in enumerate(receipts):
            if zero is None:
                continue
            planned = receipt.planned_begin_s - zero
            axes.barh(
                row,
                receipt.planned_end_s - receipt.planned_begin_s,
                left=planned,
                height=0.8,
                fill=False,
                edgecolor=INK,
                linewidth=0.8,
                linestyle=(0, (3, 2)),
            )
            if receipt.first_effect_s is not None:
                begin = receipt.first_effect_s
                axes.barh(
                    row,
                    end_of_fault_s(audit, receipt.healed_s) - begin,
                    left=begin - zero,
                    height=0.56,
                    color=INK,
                    alpha=0.3,
                )
            axes.annotate(
                fault_label(receipt.fault, row + 1),
                (planned, row),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )

    return _draw(audit, "faults", 0.26 * rows + 0.04, draw, time_axis=False, shade=False)


def users_lane(audit: Audit) -> str:
    """The share of users who were live, in fallback and cut off, second by second."""

    def draw(axes: Any) -> None:
        _stack(axes, audit, percent=True)
        axes.set_ylim(0, 100)
        axes.set_yticks([0, 50, 100])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}%"))

    return _draw(audit, "users", 0.62, draw, time_axis=False, shade=False)


def wait_lane(audit: Audit) -> str:
    """How long the slowest message of each second took; late ones in the colour of trouble."""
    late_after_s = audit.settings.late_after_s

    def draw(axes: Any) -> None:
        slowest = slowest_of_each_second(audit.series.deliveries)
        for colour, chosen in (
            (PALETTE["live"], [(t, d) for t, d in slowest if d <= late_after_s]),
            (PALETTE["dark"], [(t, d) for t, d in slowest if d > late_after_s]),
        ):
            axes.bar(
                [t for t, _ in chosen],
                [d for _, d in chosen],
                width=0.9,
                align="edge",
                color=colour,
            )
        axes.set_ylim(0, max([delay for _, delay in slowest] + [1.0]) * 1.15)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
        _mark_lost(axes, audit)

    return _draw(audit, "wait", 0.85, draw, shade=False)


def delivery_latency(audit: Audit) -> str:
    """Every delivery: when it was committed and how long it took, by its path; log scale."""
    marks = (("realtime", "live", "o"), ("poll", "fallback", "^"), ("api", "api", "s"))

    def draw(axes: Any) -> None:
        axes.set_yscale("log")
        for path, colour, marker in marks:
            points = [point for point in audit.series.deliveries if point.path == path]
            axes.plot(
                [p.at_s for p in points],
                [max(p.delay_s, 0.001) for p in points],
                marker,
                markersize=2.6,
                color=PALETTE[colour],
                alpha=0.75,
                markeredgewidth=0,
            )
        if not audit.series.deliveries:
            axes.set_ylim(0.001, 10)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda _value, _: ""))
        _mark_lost(axes, audit)

    return _draw(audit, "latency", 2.6, draw, labels_below_pt=19.0)  # under the lost ones


def transport_states(audit: Audit) -> str:
    """How many users were live, in fallback and cut off, stacked over time."""

    def draw(axes: Any) -> None:
        _stack(axes, audit, percent=False)
        axes.set_ylim(0, audit.settings.users * 1.15)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))

    return _draw(audit, "transport", 2.2, draw)


def polls_and_reconnects(audit: Audit) -> str:
    """Polling requests and WebSocket reconnects in each second."""
    series = audit.series
    return _rates(audit, "polls", (("fallback", series.polls), ("reconnects", series.reconnects)))


def sends_and_timeouts(audit: Audit) -> str:
    """Messages sent, and sends that ended by the client's own timeout, in each second."""
    series = audit.series
    return _rates(audit, "sends", (("sends", series.sends), ("dark", series.send_timeouts)))


def _rates(audit: Audit, name: str, curves: tuple[tuple[str, tuple[int, ...]], ...]) -> str:
    def draw(axes: Any) -> None:
        for (colour, values), style in zip(curves, ("-", (0, (4, 1))), strict=True):
            axes.step(
                _edges(audit.series.second_s),
                _held(values),
                where="post",
                color=PALETTE[colour],
                linewidth=1.5,
                linestyle=style,
            )
        highest = max([value for _, values in curves for value in values] + [1])
        axes.set_ylim(0, highest * 1.15)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}/s"))

    return _draw(audit, name, 1.9, draw)


def _stack(axes: Any, audit: Audit, *, percent: bool) -> None:
    series = audit.series
    layers = (series.users_live, series.users_fallback, series.users_dark)
    floor = [0.0] * len(series.second_s)
    totals = [max(sum(column), 1e-9) for column in zip(*layers, strict=True)]
    for colour, layer in zip(("live", "fallback", "dark"), layers, strict=True):
        scaled = [100 * v / t for v, t in zip(layer, totals, strict=True)] if percent else layer
        top = [low + value for low, value in zip(floor, scaled, strict=True)]
        axes.fill_between(
            _edges(series.second_s),
            _held(floor),
            _held(top),
            step="post",
            color=PALETTE[colour],
            linewidth=0,
        )
        floor = top


def _edges(second_s: Sequence[float]) -> list[float]:
    """The left edges of the bins and the right edge of the last, for steps."""
    return [*second_s, second_s[-1] + 1.0] if second_s else []


def _held(values: Sequence[float]) -> list[float]:
    """A value for each edge: the last one holds to the end of its bin."""
    return [*values, values[-1]] if values else []


def _mark_lost(axes: Any, audit: Audit) -> None:
    times = [w.committed_at_s for w in audit.wrong if w.kind == "lost"]
    seen = sorted({time for time in times if time is not None})
    axes.plot(
        seen,
        [0.97] * len(seen),
        "x",
        color=PALETTE["dark"],
        markersize=5,
        markeredgewidth=1.4,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )


def _shade(axes: Any, audit: Audit, labels_below_pt: float) -> None:
    spans = sorted(measured_spans(audit))
    for begin, end, _ in spans:
        axes.axvspan(begin, end, color=INK, alpha=0.09, linewidth=0, zorder=0)
        axes.axvline(begin, color=INK, linewidth=0.6, alpha=0.6, linestyle=(0, (3, 2)))
        axes.axvline(end, color=INK, linewidth=0.6, alpha=0.6, linestyle=(0, (3, 2)))
    close = {spans[0]: 0} if spans else {}
    for before, span in pairwise(spans):
        close[span] = (close[before] + 1) % 3 if span[0] - before[0] < 8 else 0
    for span, row in close.items():
        axes.annotate(
            span[2],
            (span[0], 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, -labels_below_pt - 10 * row),
            textcoords="offset points",
            fontsize=7.5,
        )


def _draw(
    audit: Audit,
    name: str,
    height_in: float,
    draw: Callable[[Any], None],
    *,
    time_axis: bool = True,
    shade: bool = True,
    labels_below_pt: float = 9.0,
) -> str:
    def draw_all(axes: Any) -> None:
        draw(axes)
        if shade:
            _shade(axes, audit, labels_below_pt)

    return draw_over_time(name, height_in, time_range(audit), draw_all, time_axis=time_axis)


Drawing = Callable[[Audit], str]

DRAWINGS: dict[str, Drawing] = {
    "faults": fault_lanes,
    "users": users_lane,
    "wait": wait_lane,
    "latency": delivery_latency,
    "transport": transport_states,
    "polls": polls_and_reconnects,
    "sends": sends_and_timeouts,
}
"""Every figure by its name, which is also that of its file and of its texts."""


def draw_all(audit: Audit) -> dict[str, str]:
    """All figures, by name, as SVG elements."""
    return {name: draw(audit) for name, draw in DRAWINGS.items()}
