"""How texts, ids and figures stand in a story: harmless on a terminal, and short."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size

BODY_CELLS = 40
"""Room for a message's text, in terminal cells; a Korean syllable takes two."""
DETAIL_CELLS = 70
_JOINER = "\u200d"
_ISOLATE, _POP = "\u2068", "\u2069"


def quoted(body: str) -> str:
    """A message's text in quotation marks, cut to :data:`BODY_CELLS`."""
    return f'"{tamed(body, BODY_CELLS)}"'


def tamed(text: str, cells: int = DETAIL_CELLS) -> str:
    """The text on one line: no control characters, no direction that spills over, cut to a width.

    What others wrote may hold anything, terminal commands included.
    """
    # A long text is cut roughly before the costly steps; no character is narrower than nothing.
    one_line = " ".join(unicodedata.normalize("NFC", text[: cells * 8]).split())
    shown = "".join(
        c if c.isprintable() or c == _JOINER else "\N{REPLACEMENT CHARACTER}" for c in one_line
    )
    if cell_len(shown) > cells or len(text) > cells * 8:
        shown = set_cell_size(shown, cells - 1).rstrip() + "…"
    if any(unicodedata.bidirectional(c) in ("R", "AL") for c in shown):
        return f"{_ISOLATE}{shown}{_POP}"
    return shown


def short(message_id: str) -> str:
    """Enough of a ``client_msg_id`` to ask for it again with ``--around``."""
    return tamed(message_id[:8])


def seconds(value_s: float) -> str:
    """``57 ms``, ``0.57 s``, ``12.3 s``."""
    if abs(value_s) < 0.0995:
        return f"{value_s * 1000:.0f} ms"
    return f"{value_s:.2f} s" if abs(value_s) < 9.995 else f"{value_s:.1f} s"


def moment(at_s: float) -> str:
    """``+12.345 s``, counted from the beginning of the load."""
    return f"{at_s:+.3f} s"


def many(count: int, one: str, more: str = "") -> str:
    """``1 row``, ``23 rows``."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def listed(parts: list[str], most: int) -> str:
    """``a, b, c and 4 more``."""
    rest = len(parts) - most
    return ", ".join(parts[:most]) + (f" and {rest:,} more" if rest > 0 else "")
