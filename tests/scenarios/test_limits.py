"""How many users fit, and how many Toxiproxies they take."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from scenarios.limits import (
    SPARE_FDS,
    Machine,
    capacity,
    check_room,
    ephemeral_ports,
    lanes_needed,
)

machines = st.builds(
    Machine,
    fd_limit=st.integers(SPARE_FDS + 10, 2_000_000),
    ephemeral_ports=st.integers(1, 65_535),
    cores=st.integers(1, 128),
)


def machine(*, fd_limit: int = 20_000, ports: int = 28_232, cores: int = 64) -> Machine:
    return Machine(fd_limit=fd_limit, ephemeral_ports=ports, cores=cores)


@pytest.mark.parametrize(
    ("fd_limit", "ports", "users", "because"),
    [
        (20_000, 28_232, 9_750, "file descriptors"),
        (1_000_000, 28_232, 28_232, "ephemeral port"),
        (1_024, 28_232, 262, "file descriptors"),
        (100, 28_232, 0, "file descriptors"),
    ],
)
def test_the_scarcest_thing_decides(fd_limit: int, ports: int, users: int, because: str) -> None:
    fits = capacity(machine(fd_limit=fd_limit, ports=ports))

    assert fits.users == users
    assert because in fits.because


def test_the_cpu_limits_where_descriptors_abound() -> None:
    one, two = (capacity(machine(cores=cores)) for cores in (1, 2))

    assert one.users == one.by_cpu < two.users == two.by_cpu < two.by_fds
    assert "CPU" in one.because


@given(machines)
def test_as_many_as_fit_are_let_in_and_not_one_more(here: Machine) -> None:
    fits = capacity(here)
    most = min(fits.by_fds, fits.by_ports)

    check_room(most, here)
    with pytest.raises(UsageError, match=f"{most:,} would"):
        check_room(most + 1, here)


@given(machines, st.integers(1, 100_000))
def test_no_toxiproxy_has_more_connections_than_descriptors_and_none_is_needless(
    here: Machine, users: int
) -> None:
    lanes = lanes_needed(users, here)

    largest = -(-users // lanes)
    assert largest * 4 + SPARE_FDS <= here.fd_limit
    assert lanes == 1 or (lanes - 1) * here.users_a_lane < users


@pytest.mark.parametrize(
    ("here", "remedy"),
    [(machine(fd_limit=1_024), "ulimit -n"), (machine(ports=100), "ip_local_port_range")],
)
def test_who_is_refused_is_told_what_would_help(here: Machine, remedy: str) -> None:
    with pytest.raises(UsageError, match=remedy):
        check_room(5_000, here)


def test_the_cpu_refuses_nobody() -> None:
    check_room(9_000, machine(cores=1))


def test_ports_are_read_from_the_system(tmp_path: Path) -> None:
    setting = tmp_path / "range"
    setting.write_text("32768\t60999\n", encoding="ascii")

    assert ephemeral_ports(setting) == 28_232


def test_ports_are_the_registered_range_where_the_system_does_not_say(tmp_path: Path) -> None:
    assert ephemeral_ports(tmp_path / "none") == 16_384
