"""What is installed, and how many users fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios import doctor
from scenarios.doctor import SPARE_FDS, Finding, capacity, capacity_sentence, ephemeral_ports


@pytest.mark.parametrize(
    ("fd_limit", "ports", "users", "because"),
    [
        (20_000, 28_232, 4_875, "in Toxiproxy"),
        (1_000_000, 28_232, 28_232, "ephemeral port"),
        (1_024, 28_232, 131, "in Toxiproxy"),
        (100, 28_232, 0, "file descriptors"),
    ],
)
def test_the_scarcest_thing_decides(fd_limit: int, ports: int, users: int, because: str) -> None:
    fits = capacity(fd_limit=fd_limit, cores=64, ephemeral_ports=ports)

    assert fits.users == users
    assert because in fits.because


@given(st.integers(SPARE_FDS, 2_000_000), st.integers(1, 65_535))
def test_the_users_that_fit_stay_within_every_limit(fd_limit: int, ports: int) -> None:
    fits = capacity(fd_limit=fd_limit, cores=64, ephemeral_ports=ports)

    assert fits.users * 4 + SPARE_FDS <= fd_limit
    assert fits.users * 2 + SPARE_FDS <= fd_limit
    assert fits.users <= ports


def test_the_capacity_is_explained_in_words() -> None:
    text = capacity_sentence(capacity(fd_limit=20_000, cores=64, ephemeral_ports=28_232))

    assert "about 4,875 users" in text
    assert "load process: 9,750" in text


def test_the_cpu_limits_where_descriptors_abound() -> None:
    one, two = (capacity(fd_limit=20_000, cores=n, ephemeral_ports=28_232) for n in (1, 2))

    assert one.users == one.by_cpu < two.users == two.by_cpu < two.by_proxy_fds
    assert "CPU" in one.because


def test_ports_are_read_from_the_system(tmp_path: Path) -> None:
    setting = tmp_path / "range"
    setting.write_text("32768\t60999\n", encoding="ascii")

    assert ephemeral_ports(setting) == 28_232


def test_ports_are_the_registered_range_where_the_system_does_not_say(tmp_path: Path) -> None:
    assert ephemeral_ports(tmp_path / "none") == 16_384


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
