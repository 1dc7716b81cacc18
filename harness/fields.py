"""What the fields of a settings struct mean and may be, in words, from the code itself. Pure."""

from __future__ import annotations

import ast
import inspect
from typing import get_type_hints

import msgspec
from msgspec.inspect import (
    BoolType,
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    NoneType,
    Type,
    UnionType,
    type_info,
)

_UNITS = {"_s": "seconds", "_bytes": "bytes", "_chars": "characters"}


def meanings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The docstring below each field as one line; fields without one are not among them."""
    (body,) = ast.parse(inspect.getsource(struct)).body
    assert isinstance(body, ast.ClassDef)
    return {
        statement.target.id: " ".join(following.value.value.replace("``", "").split())
        for statement, following in zip(body.body, body.body[1:], strict=False)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and isinstance(following, ast.Expr)
        and isinstance(following.value, ast.Constant)
        and isinstance(following.value.value, str)
    }


def unit(struct: type[msgspec.Struct], field: str) -> str:
    """``seconds`` for what ends with ``_s``; else the ``unit`` of the field's ``Meta(extra=…)``;
    empty where it has none."""
    kind = _kind(struct, field)
    said = (kind.extra or {}).get("unit", "") if isinstance(kind, Metadata) else ""
    return said or next((unit for end, unit in _UNITS.items() if field.endswith(end)), "")


def allowed(struct: type[msgspec.Struct], field: str) -> str:
    """What a field may be, to be read after "must be".

    Raises :class:`TypeError` for a type that this has no words for.
    """
    return _told(_kind(struct, field), field, unit(struct, field))


def _kind(struct: type[msgspec.Struct], field: str) -> Type:
    return type_info(get_type_hints(struct, include_extras=True)[field])


def _told(kind: Type, field: str, of: str) -> str:
    match kind:
        case Metadata(type=inner, extra_json_schema=schema):
            return str((schema or {}).get("description") or _told(inner, field, of))
        case UnionType(types=types):
            some = [one for one in types if not isinstance(one, NoneType)]
            return " or ".join([*(_told(one, field, of) for one in some), "null"])
        case LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case BoolType():
            return "true or false"
        case IntType() | FloatType():
            whole = "whole " if isinstance(kind, IntType) else ""
            return f"a {whole}number{f' of {of}' if of else ''} {_range(kind)}"
        case _:
            raise TypeError(f"{field}: there are no words for {kind}")


def _range(kind: IntType | FloatType) -> str:
    if kind.gt is not None:
        return f"above {kind.gt}, at most {kind.le}"
    return f"from {kind.ge} to {kind.le}"
