"""Writing TOML: the standard library reads it but does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def toml_text(table: Mapping[str, Any]) -> str:
    """A mapping of text, numbers, booleans, lists and mappings as a TOML document.

    Reading it with ``tomllib`` gives an equal mapping. Raises :class:`TypeError` for a value
    that TOML has no form for.
    """
    return "\n".join(_lines(table, ())).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    below: list[str] = []
    for key, value in table.items():
        here = (*path, _key(key))
        if isinstance(value, Mapping):
            below += ["", f"[{'.'.join(here)}]", *_lines(value, here)]
        elif _is_tables(value):
            for row in value:
                below += ["", f"[[{'.'.join(here)}]]", *_lines(row, here)]
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    return lines + below


def _is_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)


def _key(key: str) -> str:
    return key if _BARE_KEY.match(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which TOML wants escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(item) for item in value)}]"
    raise TypeError(f"TOML has no form for {type(value).__name__}")
