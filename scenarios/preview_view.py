"""A preview for people: who, how long, how much, the timeline drawn and told, the gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chaos.explain import Moment, Order
from harness.runsettings import GateSpec
from scenarios.personas import PERSONAS
from scenarios.preview import FaultPreview, Preview
from scenarios.preview_chart import Line, base_name, chart, label_width

_WIDEST = 120
_MOST_MOMENTS = 60
_MOST_PLACES = 3

_STYLES = {
    "axis": "dim",
    "load": "green",
    "phases": "cyan",
    "place": "bold",
    "fault": "magenta",
    "legend": "dim",
}
_PARTS = {
    "toxiproxy": "Toxiproxy",
    "relay": "the relay",
    "server": "the server",
    "browser": "the browsers",
}


def print_preview(preview: Preview, console: Console, language: Literal["en", "ko"]) -> None:
    """Titles, descriptions and sentences are in ``language``; the rest is English."""
    width = min(console.width, _WIDEST)

    def show(what: Text | Table) -> None:
        console.print(what, width=width, highlight=False)

    show(Text(f"{preview.scenario}: {getattr(preview.title, language)}", style="bold"))
    show(Text(getattr(preview.description, language)))
    console.print()
    show(_facts(preview))
    console.print()
    for line in chart(preview, width):
        show(_line(line, label_width(preview)))
    console.print()
    show(_timeline(preview, language))
    left = len(preview.moments) - _MOST_MOMENTS
    if left > 0:
        show(Text(f"… and {left} moments more; --json has them all", style="dim"))
    console.print()
    if preview.gates:
        show(_gates(preview.gates))
        console.print()
    show(Text("Nothing was started. Without --dry-run this is run and judged.", style="dim"))


def _facts(preview: Preview) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for number, line in enumerate(_who(preview)):
        table.add_row("" if number else "who", line)
    for name, line in _differs(preview):
        table.add_row(name, line)
    table.add_row("how long", _how_long(preview))
    highest, lowest = max(preview.messages_per_s), min(preview.messages_per_s)
    rate = f"{highest:.3g}" if highest == lowest else f"{lowest:.3g} to {highest:.3g}"
    table.add_row(
        "how much",
        f"about {preview.messages:,} messages, {rate} a second in all rooms ({preview.arrivals})",
    )
    table.add_row("seed", str(preview.seed))
    return table


def _who(preview: Preview) -> list[str]:
    sizes = preview.room_sizes
    if len(sizes) == 1:
        rooms = "one room"
    elif min(sizes) == max(sizes):
        rooms = f"{len(sizes)} rooms of {sizes[0]}"
    else:
        rooms = f"{len(sizes)} rooms of {min(sizes)} to {max(sizes)}"
    lines = [f"{preview.users:,} users in {rooms}, {preview.spawn_rate:g} of them started a second"]
    lines += [
        f"{cohort.name}: {cohort.users:,} with policy {cohort.policy}; realtime-js"
        f" {cohort.library}; browser {cohort.browser}"
        for cohort in preview.cohorts
    ]
    people = [
        f"{number:g} {name}" if PERSONAS[name].by_number else f"{number:.0%} {name}"
        for name, number in preview.people.items()
    ]
    return [*lines, f"people of a room: {', '.join(people)}"] if people else lines


def _differs(preview: Preview) -> list[tuple[str, str]]:
    """What is not as the scenario or the vendors have it."""
    rows = []
    if preview.variant.full_length:
        rows.append(("form", "full length: nothing is shortened"))
    if (twin := preview.variant.red_twin) is not None:
        changes, gates = ", ".join(twin.set), ", ".join(twin.fails)
        rows.append(("form", f"red twin, expected to fail: {changes} must turn red: {gates}"))
    rows += [
        ("shortened", f"{each.name} {each.value_s:g} s, usually {each.usual_s:g}")
        for each in preview.shortened
    ]
    return rows + [("server", ", ".join(preview.server))] * bool(preview.server)


def _how_long(preview: Preview) -> str:
    return (
        f"{preview.duration_s:g} s: users start {preview.spawn_s:g} s, warm-up"
        f" {preview.warmup_s:g} s, load {preview.load_s:g} s, settling {preview.settle_s:g} s;"
        " and some seconds to set up and to judge"
    )


def _line(line: Line, label: int) -> Text:
    if line.what in ("place", "legend"):
        return Text(line.label, style=_STYLES[line.what])
    name = line.label if len(line.label) < label else f"{line.label[: label - 2]}…"
    text = Text(f"{name:<{label}}", no_wrap=True, overflow="crop")
    return text.append(line.cells, style=_STYLES[line.what])


def _timeline(preview: Preview, language: Literal["en", "ko"]) -> Table | Text:
    if not preview.moments:
        return Text("No fault: nothing is broken in this run.")
    faults = {fault.name: fault for fault in preview.faults}
    told: set[str] = set()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("at s", justify="right", no_wrap=True)
    table.add_column("fault", overflow="fold", max_width=20)
    table.add_column("what happens, and what is told to whom")
    for moment in preview.moments[:_MOST_MOMENTS]:
        fault = faults[moment.fault]
        what = Text(_happens(moment, fault, language, told))
        for order in moment.orders:
            what.append(f"\n{_order(order)}", style="dim")
        table.add_row(f"{moment.at_s:.2f}", moment.fault, what)
    return table


def _happens(
    moment: Moment, fault: FaultPreview, language: Literal["en", "ko"], told: set[str]
) -> str:
    """What a fault does is told once, however often it comes."""
    match moment.what:
        case "end":
            return "ends"
        case "change":
            after_s = moment.at_s - fault.begin_s
            level = [each.level for each in fault.levels if each.after_s <= after_s + 1e-6][-1]
            if any(0 < each.level < 1 for each in fault.levels):
                return f"is at {level:.0%}"
            return "goes on" if level else "pauses"
        case "begin":
            lasts = f"begins, for {fault.end_s - fault.begin_s:g} s"
            base = base_name(fault.name)
            if base in told:
                return lasts
            told.add(base)
            return f"{lasts}. {getattr(fault.sentence, language)}"


def _order(order: Order) -> str:
    names = order.where
    if len(names) > _MOST_PLACES:
        names = (*names[:_MOST_PLACES], f"{len(names) - _MOST_PLACES} more")
    where = f" {', '.join(names)}" if names else ""
    return f"→ {_PARTS[order.means]}{where}: {order.words}"


def _gates(gates: Sequence[GateSpec]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for name in ("gate", "window", "cohort", "bound", "n"):
        table.add_column(name, overflow="fold")
    for gate in gates:
        bounds = [f">= {gate.min:g}" if gate.min is not None else ""]
        bounds += [f"<= {gate.max:g}" if gate.max is not None else ""]
        bound = ", ".join(each for each in bounds if each)
        table.add_row(gate.metric, gate.window, gate.cohort, bound, f">= {gate.min_samples}")
    return table
