"""Scenarios by chance: what nobody thought of, played into both."""

from __future__ import annotations

from random import Random

import msgspec

from tests.harness.client.oracle.play import Network, Scenario, Step

_PAUSES_MS = (7, 109, 401, 1013, 2003, 5009, 13007, 27011)
"""Between two steps. These and the times of a line are such that nothing happens at the same
moment as a timer of the library, where the order would be an accident."""
_AFTER_MS = 60_000
"""What a scenario goes on for when all is done."""


def scenarios(seed: int, count: int) -> list[Scenario]:
    """The same for the same seed."""
    rng = Random(seed)
    return [_scenario(f"chance-{seed}-{number}", rng) for number in range(count)]


def auth_scenarios(seed: int, count: int) -> list[Scenario]:
    """Likewise, of pages whose token ends."""
    rng = Random(seed)
    return [
        msgspec.structs.replace(
            _scenario(f"auth-chance-{seed}-{number}", rng, with_auth=True),
            token_ends_s=rng.choice((-7, 31, 89, 97, 119, 131, 157)),
        )
        for number in range(count)
    ]


def _scenario(name: str, rng: Random, *, with_auth: bool = False) -> Scenario:
    draw_line = _line_with_auth if with_auth else _line
    steps = [Step(at_ms=0, do="subscribe")]
    at_ms, hidden = 0, False
    for _ in range(rng.randint(1, 12)):
        at_ms += rng.choice(_PAUSES_MS)
        match rng.choice(
            ("loss", "loss", "old loss", "tab", "tab", "page", "token", "line", "crash", "end")
        ):
            case "loss":
                steps.append(Step(at_ms=at_ms, do="close"))
            case "old loss":
                steps.append(Step(at_ms=at_ms, do="close", socket=1))
            case "tab":
                hidden = not hidden
                steps.append(Step(at_ms=at_ms, do="hide" if hidden else "show"))
            case "page":
                steps.append(Step(at_ms=at_ms, do=rng.choice(("pagehide", "pageshow"))))
            case "token" if with_auth:
                pass  # auth-js has it
            case "token":
                value = rng.choice(("first", "second", "third"))
                steps.append(Step(at_ms=at_ms, do="token", value=value))
            case "line":
                steps.append(Step(at_ms=at_ms, do="line", line=draw_line(rng)))
            case how:
                event = "phx_error" if how == "crash" else "phx_close"
                refless = rng.random() < 0.5
                steps.append(Step(at_ms=at_ms, do="ends_channel", event=event, refless=refless))
    return Scenario(
        name=name,
        until_ms=at_ms + _AFTER_MS,
        recreate_ms=rng.choice((None, 1009)),
        worker=rng.choice(("none", "none", "works", "refused")),
        line=draw_line(rng),
        steps=steps,
    )


def _line(rng: Random) -> Network:
    """A network and a server that are well, slow or gone, each in its own way."""
    opens = rng.random()
    joins = rng.random()
    return Network(
        opens_after_ms=rng.choice((50, 53, 700, 1900)) if opens < 0.7 else None,
        refuses_after_ms=rng.choice((31, 900)) if 0.7 <= opens < 0.85 else None,
        closes_after_ms=rng.choice((None, 41, 333, 777, 1333, 2777)),
        join_after_ms=rng.choice((21, 23, 1201, 4003)) if joins < 0.8 else None,
        join_status="error" if 0.6 <= joins < 0.8 else "ok",
        bindings=rng.choice(("same", "same", "same", "other")),
        beat_after_ms=rng.choice((None, 33, 3001, 24007)),
    )


def _line_with_auth(rng: Random) -> Network:
    """And an Auth that is well, slow, broken, gone, or against it."""
    return msgspec.structs.replace(
        _line(rng),
        auth_after_ms=rng.choice((None, 61, 67, 1307, 7019, 33023)),
        auth_status=rng.choice((200, 200, 200, 0, 503, 400)),
        auth_body=rng.choice((None, None, None, "{}", "<html>")),
        auth_lifetime_s=rng.choice((37, 101, 127, 211)),
    )
