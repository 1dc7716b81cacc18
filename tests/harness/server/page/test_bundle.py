"""The bundle that is committed, so that users without Node have it, is what the lock file gives."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.server.page.conftest import PACKAGE
from tests.support.required import skip_or_fail

VENDOR = Path("harness/server/page/static/vendor")


@pytest.mark.e2e
def test_a_fresh_build_gives_the_committed_files(built: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        skip_or_fail("no Node on PATH")
    line = [node, "build.mjs", str(tmp_path)]
    subprocess.run(line, cwd=built.parent, check=True, timeout=60)
    committed = PACKAGE.parent / VENDOR
    assert {one.name for one in tmp_path.iterdir()} == {one.name for one in committed.iterdir()}
    for file in tmp_path.iterdir():
        # Not ==: pytest would print both, all in one line.
        assert file.read_bytes() == (committed / file.name).read_bytes(), f"{file.name}: make page"


def test_every_package_in_the_bundle_has_its_licence_beside_it() -> None:
    lock = json.loads((PACKAGE / "package-lock.json").read_text())
    licences = (PACKAGE.parent / VENDOR / "LICENSES.txt").read_text()
    for name in ("@supabase/realtime-js", "@supabase/phoenix"):
        assert f"{name} {lock['packages'][f'node_modules/{name}']['version']} (MIT)" in licences
    assert licences.count("Permission is hereby granted") == 2


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (PACKAGE / "package-lock.json").read_text()
