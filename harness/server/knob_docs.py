"""What each knob means, in the words that stand beside it in the code."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from typing import Any

from harness.server.knob_values import allowed
from harness.server.knobs import Knobs


@dataclass(frozen=True)
class KnobDoc:
    """A knob as a person reads about it."""

    name: str
    default: Any
    meaning: str
    """In one line; the name ends with the unit."""
    allowed: str
    """What it may be, in words."""


def knob_docs() -> list[KnobDoc]:
    """All knobs in the order of the code."""
    (class_body,) = ast.parse(inspect.getsource(Knobs)).body
    assert isinstance(class_body, ast.ClassDef)
    meanings = {
        statement.target.id: _plain(following.value.value)
        for statement, following in zip(class_body.body, class_body.body[1:], strict=False)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
        and isinstance(following.value.value, str)
    }
    defaults = Knobs()
    return [
        KnobDoc(name, getattr(defaults, name), meanings.get(name, ""), allowed(name))
        for name in Knobs.__struct_fields__
    ]


def _plain(docstring: str) -> str:
    return " ".join(docstring.replace("``", "").split())
