"""The release's own binary: downloaded, checked against its pin, unpacked."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

import httpx

from chaos.toxiproxy.release import Asset
from chaos.toxiproxy.ways import WayClosed
from harness.clock import Clock, monotonic_s

_SERVER = "toxiproxy-server"
_CONNECT_S = 3.0
_SILENCE_S = 10.0
_MAX_BYTES = 100_000_000


def download_release(
    base_url: str, asset: Asset, into: Path, *, limit_s: float, clock: Clock = monotonic_s
) -> Path:
    """Fetch an archive of the release and return the server in it, executable, in ``into``.

    Raises:
        WayClosed: the network says no, it takes longer than ``limit_s``, the checksum is not the
            pinned one, or the archive holds no server.
    """
    archive = into / asset.name
    url = f"{base_url}/{asset.name}"
    try:
        digest = _fetch(url, archive, limit_s, clock)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WayClosed(f"{url}: {str(error) or type(error).__name__}") from error
    if digest != asset.sha256:
        raise WayClosed(f"{url}: SHA-256 is {digest}, pinned is {asset.sha256}; it was thrown away")
    return _unpack(archive, into / _SERVER)


def _fetch(url: str, archive: Path, limit_s: float, clock: Clock) -> str:
    ends_at_s = clock() + limit_s
    digest = hashlib.sha256()
    received_bytes = 0
    timeout = httpx.Timeout(_SILENCE_S, connect=_CONNECT_S)
    with (
        httpx.stream("GET", url, timeout=timeout, follow_redirects=True) as answer,
        archive.open("wb") as file,
    ):
        if not answer.is_success:
            raise WayClosed(f"{url}: answered {answer.status_code}")
        for chunk in answer.iter_bytes():
            received_bytes += len(chunk)
            if received_bytes > _MAX_BYTES:
                raise WayClosed(f"{url}: more than {_MAX_BYTES} bytes")
            if clock() > ends_at_s:
                raise WayClosed(f"{url}: {received_bytes} bytes in {limit_s:g} s, not all of it")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _unpack(archive: Path, server: Path) -> Path:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            source = tar.extractfile(_SERVER)
            if source is None:
                raise WayClosed(f"{archive.name}: {_SERVER} in it is no file")
            with source, server.open("wb") as file:
                shutil.copyfileobj(source, file)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise WayClosed(f"{archive.name}: no {_SERVER} in it ({error})") from error
    server.chmod(0o755)
    return server
