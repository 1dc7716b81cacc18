"""Every sentence of the pages, in English and Korean, and how values are said in each.

A :class:`Sentence` is a key and its values, without a language; :class:`Texts` says it in one.
The wording is in ``en.toml`` and ``ko.toml`` beside this file; both have the same keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

from harness.runsettings import Text
from reports.texts.quantity import Quantity, digits

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")


@dataclass(frozen=True)
class Sentence:
    """Something to say in any language: a key of the text files, and the values in it."""

    key: str
    values: Mapping[str, Sayable] = field(default_factory=dict)
    count: float | None = None
    """Chooses singular or plural; filled in as ``{count}``."""
    otherwise: str | None = None
    """Said as it is where the key is unknown: for names that come from the run."""


Sayable = str | Quantity | Text | Sentence
"""A ``str`` is said as it is in every language: a name, an id, a command."""


def sentence(
    key: str, *, count: float | None = None, otherwise: str | None = None, **values: Sayable
) -> Sentence:
    """Shorthand: ``sentence("facts.lost", twice=...)``."""
    return Sentence(key, values, count, otherwise)


@dataclass(frozen=True)
class Wording:
    """One entry of a text file; ``one`` is used for a count of exactly 1."""

    other: str
    one: str | None = None

    def choose(self, count: float | None) -> str:
        return self.one if self.one is not None and count == 1 else self.other


@dataclass(frozen=True)
class Texts:
    """One language. Raises ``KeyError`` for a key that is not in its file."""

    language: Language
    wordings: Mapping[str, Wording]

    def say(self, what: Sayable) -> str:
        """What is meant, in this language; plain text, not yet escaped for anything."""
        if isinstance(what, str):
            return what
        if isinstance(what, Text):
            return what.ko if self.language == "ko" else what.en
        if isinstance(what, Quantity):
            return self._quantity(what)
        if what.key not in self.wordings and what.otherwise is not None:
            return what.otherwise
        values = {name: self.say(value) for name, value in what.values.items()}
        if what.count is not None:
            values["count"] = digits(what.count, "count")
        return self.wordings[what.key].choose(what.count).format_map(values)

    def _quantity(self, quantity: Quantity) -> str:
        if quantity.value is None:
            return self.wordings["quantity.missing"].other
        number = digits(quantity.value, quantity.kind)
        said = self.wordings[f"quantity.{quantity.kind}"].other.format(number)
        return self.wordings["quantity.beyond"].other.format(said) if quantity.beyond else said


def load_texts(language: Language) -> Texts:
    """The texts of one language, read from the package."""
    raw = (files(__name__) / f"{language}.toml").read_text(encoding="utf-8")
    return Texts(language, dict(_flat(tomllib.loads(raw))))


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Wording]]:
    found: list[tuple[str, Wording]] = []
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, str):
            found.append((key, Wording(value)))
        elif "other" in value:
            found.append((key, Wording(value["other"], value.get("one"))))
        else:
            found.extend(_flat(value, f"{key}."))
    return found
