"""The page for people: one HTML file with everything inside and both languages in it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reports import figures
from reports.model import Audit
from reports.render import captions, facts, tables
from reports.render.notes import notes
from reports.texts import LANGUAGES, Language, Sayable, Texts, load_texts, sentence
from reports.texts.quantity import Quantity


@dataclass(frozen=True)
class Picture:
    """A figure with what the page says around it."""

    name: str
    """The key of its texts and the name of its file."""
    svg: Markup | None
    """``None`` where nothing was recorded to draw."""
    legend: tuple[captions.Chip, ...]
    words: tuple[Sayable, ...]
    """What it shows, for those who cannot see it and for those in a hurry."""


def html(audit: Audit, drawn: Mapping[str, str], *, language: Language) -> str:
    """The whole page. Both languages are inside; ``language`` is the one it opens in.

    ``drawn`` are the pictures of the same audit (:func:`reports.figures.draw_all`).
    """
    environment = _environment()
    script = _source(environment, "page.js")
    page = environment.get_template("report.html").render(
        language=language,
        titles={texts.language: page_title(audit, texts) for texts in _all_texts()},
        script=Markup(script),
        script_hash=_csp_hash(script),
        style=Markup(_source(environment, "page.css")),
        palette=figures.PALETTE,
        settings=audit.settings,
        result=audit.verdict.verdict,
        title=facts.title(audit),
        headline=facts.headline(audit),
        notes=notes(audit.settings),
        reasons=facts.reasons(audit),
        facts=facts.facts(audit),
        unsound=facts.rig_failed(audit),
        glance=tuple(_picture(audit, name, drawn) for name in GLANCE),
        pictures=tuple(_picture(audit, name, drawn) for name in PICTURES),
        gates=tables.gate_rows(audit),
        cohorts=tables.cohort_table(audit),
        windows=tables.window_tables(audit),
        receipts=tables.receipt_rows(audit),
        wrong=tables.wrong_rows(audit),
        lost=tables.lost_extent(audit),
        wrong_left=len(audit.wrong) - tables.MOST_WRONG,
        rig=tables.rig_rows(audit),
        findings=tables.rig_findings(audit),
    )
    return page + "\n"


GLANCE = ("faults", "users", "wait")
"""The timeline of the first screen: three strips over the same seconds."""
PICTURES = ("latency", "transport", "polls", "sends")


def page_title(audit: Audit, texts: Texts) -> str:
    """The page's title in one language."""
    result = sentence(f"result.{audit.verdict.verdict}")
    return texts.say(sentence("page.title", title=facts.title(audit), result=result))


def _all_texts() -> tuple[Texts, ...]:
    return tuple(load_texts(language) for language in LANGUAGES)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    texts = _all_texts()

    def both(what: Sayable) -> Markup:
        """The same in every language, each marked as such; once where all say the same."""
        said = [(one.language, one.say(what)) for one in texts]
        if len({words for _, words in said}) == 1:
            return escape(said[0][1])
        return Markup("").join(
            Markup('<span class="t" lang="{}">{}</span>').format(language, words)
            for language, words in said
        )

    def say(key: str, count: float | None = None, **values: Any) -> Markup:
        return both(sentence(key, count=count, **values))

    environment.globals.update(both=both, t=say, Quantity=Quantity)
    return environment


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0].strip() + "\n"


def _csp_hash(script: str) -> str:
    """Lets the page's own script run, and no other, whatever a run put into its texts."""
    digest = hashlib.sha256(f"\n{script}".encode()).digest()
    return base64.b64encode(digest).decode()


def _picture(audit: Audit, name: str, drawn: Mapping[str, str]) -> Picture:
    words = captions.words(audit, name)
    if words == captions.NO_DATA:
        return Picture(name, None, (), words)
    # matplotlib has escaped what comes from the run.
    return Picture(name, Markup(drawn[name]), captions.legend(audit, name), words)
