"""What a reader has to know before any figure: that it is no ordinary run, and how it differs."""

from __future__ import annotations

from harness.runsettings import RedTwin, RunSettings, Shortened
from reports.texts import Sayable, Sentence, sentence
from reports.texts.quantity import Quantity


def notes(settings: RunSettings) -> tuple[Sayable, ...]:
    """A sentence each; none for a scenario as it is written with nothing shortened."""
    twin = settings.variant.red_twin
    said: list[Sayable] = [] if twin is None else _red_twin(twin)
    if settings.variant.full_length:
        said.append(sentence("notes.full_length"))
    said += [_shortened(each) for each in settings.shortened]
    if settings.server:
        said.append(sentence("notes.server", what=", ".join(settings.server)))
    return tuple(said)


def _red_twin(twin: RedTwin) -> list[Sayable]:
    gates = ", ".join(twin.fails)
    return [
        sentence("notes.red_twin", why=twin.why),
        sentence("notes.red_twin_change", changes=", ".join(twin.set), gates=gates),
    ]


def _shortened(each: Shortened) -> Sentence:
    return sentence(
        "notes.shortened",
        meaning=each.meaning,
        name=each.name,
        value=Quantity(each.value_s, "seconds"),
        usual=Quantity(each.usual_s, "seconds"),
    )
