"""What is installed, and how many users fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios import doctor
from scenarios.doctor import Finding, capacity_sentence
from scenarios.limits import Machine, capacity


def test_the_capacity_is_explained_in_words() -> None:
    machine = Machine(fd_limit=20_000, cores=64, ephemeral_ports=28_232)

    text = capacity_sentence(capacity(machine))

    assert "about 9,750 users" in text
    assert "One Toxiproxy holds 4,875" in text


def test_a_setting_that_leads_nowhere_is_missing_with_its_reason(tmp_path: Path) -> None:
    nowhere = tmp_path / "toxiproxy"

    finding = doctor.look_for_toxiproxy({"CHATQUAKE_TOXIPROXY": str(nowhere)})

    assert finding.state == "missing"
    assert str(nowhere) in finding.text


def test_without_a_toxiproxy_the_way_to_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    finding = doctor.look_for_toxiproxy({})

    assert finding.state == "warning"
    assert "doctor --fetch" in finding.text


def test_a_toxiproxy_on_path_is_named_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = tmp_path / "toxiproxy-server"
    server.write_text("#!/bin/sh\necho toxiproxy-server version 2.12.0\n", encoding="ascii")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    finding = doctor.look_for_toxiproxy({})

    assert (finding.state, finding.text) == ("ok", f"2.12.0, {server}")


def test_the_machine_is_usable_only_when_nothing_is_missing() -> None:
    def toxiproxy(state: str) -> Finding:
        return Finding(what="Toxiproxy", state="missing" if state == "missing" else "ok", text="")

    assert doctor.examine(lambda: toxiproxy("ok")).usable
    assert not doctor.examine(lambda: toxiproxy("missing")).usable
