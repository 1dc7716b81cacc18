"""The paper of the figures: size, scale of time, and SVG that fits into any page.

Nothing global of matplotlib is changed, and nothing of pyplot used.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

INK = "#010203"
"""Stands for ``currentColor``, which matplotlib does not know."""
_WIDTH_IN = 8.0
_LEFT_IN = 0.64
_RIGHT_IN = 0.22
_SETTINGS = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.5,
}

_STANDALONE_STYLE = (
    "<style>svg{color:#24292f}text{font-family:system-ui,sans-serif!important}"
    "@media(prefers-color-scheme:dark){svg{color:#d0d7de}}</style>"
)


def standalone(svg: str) -> str:
    """The picture as a file of its own, which brings its colours for light and dark ground."""
    head, bracket, body = svg.partition(">")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}{bracket}{_STANDALONE_STYLE}{body}'


def draw_over_time(
    name: str,
    height_in: float,
    seconds: tuple[float, float],
    draw: Callable[[Any], None],
    *,
    time_axis: bool = True,
) -> str:
    """A picture over ``seconds`` of the run, as one SVG element; ``draw`` fills its axes.

    ``name`` tells its ids from those of other pictures on a page. Pictures over the same
    seconds have the same scale and can stand below each other; only the lowest needs its
    ``time_axis``.
    """
    bottom_in, top_in = (0.26 if time_axis else 0.08), 0.09
    total_in = height_in + bottom_in + top_in
    with rc_context({**_SETTINGS, "svg.hashsalt": name}):
        figure = Figure(figsize=(_WIDTH_IN, total_in))
        FigureCanvasSVG(figure)
        axes = figure.add_axes(
            (
                _LEFT_IN / _WIDTH_IN,
                bottom_in / total_in,
                1 - (_LEFT_IN + _RIGHT_IN) / _WIDTH_IN,
                height_in / total_in,
            )
        )
        axes.set_axisbelow(True)
        draw(axes)
        axes.set_xlim(*seconds)
        axes.grid(visible=True, axis="both" if time_axis else "x")
        axes.xaxis.set_major_locator(MaxNLocator(10))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} s"))
        axes.tick_params(axis="x", labelbottom=time_axis, length=3 if time_axis else 0)
        return _plain_svg(figure, name)


def _plain_svg(figure: Any, name: str) -> str:
    """One ``<svg>`` element that can stand in any page beside others: no prologue, no global
    style, ids of its own, lines in ``currentColor``, as wide as its place."""
    text = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", svg, count=1)
    svg = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace(INK, "currentColor")
