"""The script in the docs, run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from harness.tokens import mint_anon
from tests.conformance import install
from tests.harness.server.builders import SECRET
from tests.harness.server.running import Server

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs" / "your-own-client.md"
ORIGIN = "http://127.0.0.1:4000"
PATIENCE_S = 60


def block(begin: str) -> str:
    """The one block of code in the page that begins so."""
    found = re.findall(r"```\w+\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (text,) = [one for one in found if one.startswith(begin)]
    return str(text)


def test_the_script_of_the_docs_says_what_the_docs_say(server: Server) -> None:
    install.node_modules()
    account = re.search(r"-d '(.*)'", block("$ curl 127.0.0.1:4100/accounts"))
    assert account is not None
    assert httpx.post(f"{server.admin_url}/accounts", content=account[1]).status_code == 200
    script = block("import")
    assert ORIGIN in script

    done = subprocess.run(
        ["node", "--input-type=module"],
        input=script.replace(ORIGIN, f"http://127.0.0.1:{server.realtime_port}"),
        env={**os.environ, "KEY": mint_anon(SECRET, issued_at_unix_s=int(time.time()))},
        cwd=install.NODE,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    said = re.sub(r"read: \d+", "read: 1", done.stdout)  # other tests of this module's server write
    assert block("$ KEY") == "$ KEY=eyJ… node chat.mjs\n" + said
