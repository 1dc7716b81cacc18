"""The conductor's standard output carries its messages and nothing else."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import os
from scenarios.conductor_io import take_stdout
from scenarios.messages import Broken
tell = take_stdout()
print("a stray word", flush=True)
os.write(1, b"and one below Python\\n")
tell(Broken(text="the message"))
os.system("echo from a child")
"""


def test_what_is_printed_by_the_way_goes_to_stderr() -> None:
    end = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    assert end.stdout == '{"type":"broken","text":"the message"}\n'
    for words in ("a stray word", "and one below Python", "from a child"):
        assert words in end.stderr
