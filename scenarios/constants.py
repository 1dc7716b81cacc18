"""The vendors' constants that a short scenario may make smaller: ``[shortened]``.

What takes an hour in the real world is seen in a minute where the constants that make it take so
long are smaller, all that belong together by the same factor. The report names each of them, and
the full length has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal, TypeVar

import msgspec

from harness.client.browser import BROWSERS, CHROME, Browser
from harness.client.library import CURRENT, LIBRARIES, Library
from harness.client.token_refresh import LOOK_S
from harness.errors import UsageError
from harness.near_names import near
from harness.runsettings import Shortened, Text
from harness.server.knobs import Knobs

Holder = Literal["library", "browser", "auth", "server"]
"""Who has a constant: realtime-js, the browser, auth-js, or Supabase."""


@dataclass(frozen=True)
class Constant:
    """One constant, in seconds."""

    holder: Holder
    usual_s: float
    """Where a current vendor has it; what has less of it keeps that."""
    meaning: Text


def _of_library(name: str, en: str, ko: str) -> tuple[str, Constant]:
    return name, Constant("library", getattr(CURRENT, name), Text(en, ko))


def _of_browser(name: str, en: str, ko: str, browser: Browser = CHROME) -> tuple[str, Constant]:
    return name, Constant("browser", getattr(browser, name), Text(en, ko))


def _of_server(name: str, en: str, ko: str) -> tuple[str, Constant]:
    return name, Constant("server", getattr(Knobs(), name), Text(en, ko))


CONSTANTS: dict[str, Constant] = dict(
    (
        _of_library(
            "heartbeat_s",
            "the time between two heartbeats of realtime-js",
            "realtime-js의 하트비트 간격",
        ),
        _of_library(
            "join_timeout_s",
            "how long realtime-js waits for an answer to a join",
            "realtime-js가 채널 참가 응답을 기다리는 시간",
        ),
        _of_library(
            "empty_s",
            "how long realtime-js keeps a socket without a channel",
            "realtime-js가 채널 없는 소켓을 유지하는 시간",
        ),
        _of_browser(
            "handshake_timeout_s",
            "how long Chrome waits for a WebSocket to open",
            "Chrome이 WebSocket 연결을 기다리는 시간",
        ),
        _of_browser(
            "closing_timeout_s",
            "how long Chrome waits for the answer to a Close frame",
            "Chrome이 Close 프레임의 응답을 기다리는 시간",
        ),
        _of_browser(
            "chained_after_s",
            "how long a tab is hidden before Chrome slows its timers down",
            "탭이 숨겨진 뒤 Chrome이 타이머를 늦추기까지의 시간",
        ),
        _of_browser(
            "chained_align_s",
            "the time between two turns of a timer that Chrome has slowed down",
            "Chrome이 늦춘 타이머의 실행 간격",
        ),
        _of_browser(
            "freezes_after_s",
            "how long a tab is hidden before it is frozen",
            "탭이 숨겨진 뒤 정지되기까지의 시간",
            BROWSERS["mobile"],
        ),
        (
            "token_look_s",
            Constant(
                "auth",
                LOOK_S,
                Text(
                    "the time between two looks of auth-js at its token",
                    "auth-js가 토큰을 확인하는 간격",
                ),
            ),
        ),
        _of_server(
            "idle_timeout_s",
            "how long Realtime keeps a socket that says nothing",
            "Realtime이 아무것도 보내지 않는 소켓을 유지하는 시간",
        ),
        _of_server(
            "confirm_token_s",
            "the time between two looks of Realtime at a channel's token",
            "Realtime이 채널의 토큰을 확인하는 간격",
        ),
        _of_server(
            "no_channel_sweep_s",
            "the time between two sweeps of sockets without a channel",
            "채널 없는 소켓을 정리하는 간격",
        ),
    )
)

TOKEN_LIFETIME_S = Knobs().access_token_lifetime_s
_TOKEN = Text("how long an access token is good", "액세스 토큰의 유효 시간")

_Preset = TypeVar("_Preset", bound=Library | Browser)


@dataclass(frozen=True)
class Presets:
    """What a scenario's cohorts choose from."""

    libraries: Mapping[str, Library]
    browsers: Mapping[str, Browser]


def shortened_presets(shortened: Mapping[str, float]) -> Presets:
    """The presets with the shortened constants, where they have greater ones."""
    return Presets(
        {name: _shorter(preset, "library", shortened) for name, preset in LIBRARIES.items()},
        {name: _shorter(preset, "browser", shortened) for name, preset in BROWSERS.items()},
    )


def shortened_knobs(shortened: Mapping[str, float]) -> dict[str, float]:
    """The server's knobs among the shortened constants."""
    return {name: value for name, value in shortened.items() if _is_of(name, "server")}


def token_look_s(shortened: Mapping[str, float]) -> float:
    """From one look of auth-js at a page's token to the next."""
    return shortened.get("token_look_s", LOOK_S)


def told(shortened: Mapping[str, float], token_lifetime_s: float | None) -> tuple[Shortened, ...]:
    """Everything that a report has to name; ``None``: tokens outlive the run."""
    rows = [
        Shortened(name=name, value_s=value, usual_s=known.usual_s, meaning=known.meaning)
        for name, value in shortened.items()
        if (known := CONSTANTS[name])
    ]
    if token_lifetime_s is not None and token_lifetime_s < TOKEN_LIFETIME_S:
        token = Shortened(
            name="access_token_lifetime_s",
            value_s=token_lifetime_s,
            usual_s=TOKEN_LIFETIME_S,
            meaning=_TOKEN,
        )
        rows.append(token)
    return tuple(rows)


def check_shortened(
    shortened: Mapping[str, float],
    libraries: Iterable[str],
    browsers: Iterable[str],
    *,
    where: str,
) -> None:
    """``libraries`` and ``browsers`` are the names of those that the cohorts have.

    Raises :class:`UsageError` for a constant that there is not, for one that would not be shorter
    for anybody, and for a server that would be tired of its users before they say anything.
    """
    for name, value_s in shortened.items():
        if name not in CONSTANTS:
            raise UsageError(
                f"{where}: shortened.{name}: no such constant; {near(name, CONSTANTS)}"
            )
        usual_s = CONSTANTS[name].usual_s
        if not 0 < value_s < usual_s:
            raise UsageError(
                f"{where}: shortened.{name}: {value_s:g} is not shorter; allowed: more than 0, "
                f"less than the usual {usual_s:g}"
            )
    used = {name: LIBRARIES[name] for name in libraries}
    _check_somebody_has(shortened, "library", used.values(), where)
    _check_somebody_has(shortened, "browser", [BROWSERS[name] for name in browsers], where)
    slowest_s = max(_shorter(each, "library", shortened).heartbeat_s for each in used.values())
    if (idle_s := shortened.get("idle_timeout_s", inf)) <= slowest_s:
        raise UsageError(
            f"{where}: shortened.idle_timeout_s: {idle_s:g} is less than a heartbeat of "
            f"{slowest_s:g} s, so quiet sockets would be closed; shorten heartbeat_s too"
        )


def _check_somebody_has(
    shortened: Mapping[str, float],
    holder: Holder,
    presets: Iterable[Library | Browser],
    where: str,
) -> None:
    every = list(presets)
    for name, value_s in shortened.items():
        if _is_of(name, holder) and all(
            _shorter(preset, holder, {name: value_s}) is preset for preset in every
        ):
            raise UsageError(
                f"{where}: shortened.{name}: no cohort has a {holder} with more of it; leave it out"
            )


def _shorter(preset: _Preset, holder: Holder, shortened: Mapping[str, float]) -> _Preset:
    own = {
        name: value
        for name, value in shortened.items()
        if _is_of(name, holder) and value < getattr(preset, name) < inf
    }
    return msgspec.structs.replace(preset, **own) if own else preset


def _is_of(name: str, holder: Holder) -> bool:
    return name in CONSTANTS and CONSTANTS[name].holder == holder
