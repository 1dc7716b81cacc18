"""The timeline of a preview as lines of text: pure, a cell for each column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from scenarios.preview import FaultPreview, Preview

_HEIGHTS = " ▁▂▃▄▅▆▇█"
_PAUSE, _SOME = "·", "▒"
_LEAST_AXIS, _MOST_LABEL = 20, 24
_TICK_COLUMNS = 8
_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400)

What = Literal["axis", "load", "phases", "place", "fault", "legend"]


@dataclass(frozen=True)
class Line:
    """One line of the chart."""

    what: What
    label: str
    cells: str = ""


def chart(preview: Preview, width: int) -> tuple[Line, ...]:
    """Axis, load, phases and a line for each fault under the place that it hits.

    No line is longer than ``width`` once its label is padded to :func:`label_width`.
    """
    columns = max(_LEAST_AXIS, width - label_width(preview))
    highest = max(preview.messages_per_s)
    lines = [
        Line("axis", "seconds of the load", _axis(preview.load_s, columns)),
        Line("load", f"messages/s, to {highest:.3g}", _curve(preview.messages_per_s, columns)),
    ]
    if preview.phases:
        lines.append(Line("phases", "phases", _phases(preview, columns)))
    everybody = tuple(cohort.name for cohort in preview.cohorts)
    places: dict[str, dict[str, list[FaultPreview]]] = {}
    for fault in preview.faults:
        rows = places.setdefault(_place(fault, everybody), {})
        rows.setdefault(base_name(fault.name), []).append(fault)
    for place, rows in places.items():
        lines.append(Line("place", place))
        for name, times in rows.items():
            lines.append(Line("fault", f"  {name}", _bars(times, preview.load_s, columns)))
    cells = "".join(line.cells for line in lines if line.what == "fault")
    if legend := _legend(cells):
        lines.append(Line("legend", legend))
    return tuple(lines)


def label_width(preview: Preview) -> int:
    """Columns before the axis."""
    names = [f"  {base_name(fault.name)}" for fault in preview.faults]
    return min(_MOST_LABEL, max(map(len, ["seconds of the load", *names]))) + 1


def base_name(name: str) -> str:
    """What all occurrences of a fault are called together."""
    return name.partition("#")[0]


def _place(fault: FaultPreview, everybody: Sequence[str]) -> str:
    if fault.means == "server":
        return "the server"
    whose = "everybody" if fault.cohorts == tuple(everybody) else ", ".join(fault.cohorts)
    side = {"realtime": "Realtime", "api": "API", "both": "API and Realtime", None: "browser"}
    return f"{whose}: {side[fault.on]}"


def _axis(load_s: float, columns: int) -> str:
    step_s = next(
        (s for s in _STEPS_S if s * columns / load_s >= _TICK_COLUMNS), float(_STEPS_S[-1])
    )
    cells = [" "] * columns
    at_s = 0.0
    while at_s <= load_s:
        column = min(columns - 1, int(at_s * columns / load_s))
        text = f"{at_s:g}"
        if column + len(text) <= columns:
            cells[column : column + len(text)] = text
        at_s += step_s
    return "".join(cells)


def _curve(rates: Sequence[float], columns: int) -> str:
    highest = max(rates)
    if highest <= 0:
        return " " * columns
    parts = [
        rates[
            i * len(rates) // columns : max(
                (i + 1) * len(rates) // columns, 1 + i * len(rates) // columns
            )
        ]
        for i in range(columns)
    ]
    return "".join(_HEIGHTS[ceil(8 * max(part) / highest)] for part in parts)


def _phases(preview: Preview, columns: int) -> str:
    cells = [" "] * columns
    for phase in preview.phases:
        begin = int(phase.at_s * columns / preview.load_s)
        end = max(begin + 1, min(columns, ceil(phase.end_s * columns / preview.load_s - 1e-6)))
        room = end - begin
        text = f"├{f' {phase.name} ':─^{room - 2}}┤" if room > len(phase.name) + 3 else ""
        cells[begin:end] = text or f"├{phase.name[: room - 1]:─<{room - 1}}"[:room]
    return "".join(cells)


def _bars(times: Iterable[FaultPreview], load_s: float, columns: int) -> str:
    cells = [" "] * columns
    for fault in times:
        begin = min(columns - 1, int(fault.begin_s * columns / load_s))
        end = max(begin + 1, min(columns, ceil(fault.end_s * columns / load_s - 1e-6)))
        for column in range(begin, end):
            cells[column] = _cell(fault, column * load_s / columns, load_s / columns)
    return "".join(cells)


def _cell(fault: FaultPreview, from_s: float, for_s: float) -> str:
    """The most that there is of the fault within a column."""
    after_s = from_s - fault.begin_s
    begun = [each.level for each in fault.levels if each.after_s <= after_s]
    within = [each.level for each in fault.levels if after_s < each.after_s < after_s + for_s]
    level = max([*begun[-1:], *within])
    if level == 0:
        return _PAUSE
    return _SOME if fault.share < 1 else _HEIGHTS[ceil(8 * level)]


def _legend(cells: str) -> str:
    said = [
        (_SOME, f"{_SOME} a share of the connections or users"),
        (_PAUSE, f"{_PAUSE} it pauses"),
    ]
    found = [text for mark, text in said if mark in cells]
    if set(cells) & set("▁▂▃▄▅▆▇"):
        found.append("▂▄▆█ it comes on by degrees")
    return ", ".join(found)
