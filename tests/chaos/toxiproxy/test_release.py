from __future__ import annotations

import pytest

from chaos.toxiproxy.release import (
    RELEASE_SHA256,
    Asset,
    asset_for,
    go_can_build,
    is_accepted,
    platform_name,
    version_in,
)


@pytest.mark.parametrize(
    ("system", "architecture", "name"),
    [
        ("Linux", "x86_64", "linux_amd64"),
        ("Linux", "aarch64", "linux_arm64"),
        ("Darwin", "arm64", "darwin_arm64"),
        ("Windows", "AMD64", "windows_amd64"),
    ],
)
def test_a_platform_is_named_as_the_release_names_it(
    system: str, architecture: str, name: str
) -> None:
    assert platform_name(system, architecture) == name


def test_a_pinned_platform_has_its_archive_and_checksum() -> None:
    assert asset_for("linux_arm64", RELEASE_SHA256) == Asset(
        "toxiproxy_2.12.0_linux_arm64.tar.gz",
        "ab417dafc77ae8b54ec8461cc5da5180d0465a61dcbda86c72da72ee4ab843b7",
    )


def test_a_platform_without_a_pin_has_no_archive() -> None:
    assert asset_for("darwin_arm64", RELEASE_SHA256) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("toxiproxy-server version 2.12.0\n", "2.12.0"),
        ("toxiproxy-server version v2.1.4\n", "2.1.4"),
        ("toxiproxy-server version git\n", "git"),
        ("flag provided but not defined: -version\n", None),
        ("", None),
    ],
)
def test_the_version_is_read_from_what_the_server_prints(text: str, version: str | None) -> None:
    assert version_in(text) == version


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        ("2.12.0", True),
        ("2.12.7", True),
        ("git", True),
        ("2.11.0", False),
        ("2.120.0", False),
        ("3.0.0", False),
    ],
)
def test_only_the_pinned_minor_and_unstamped_builds_are_accepted(
    version: str, accepted: bool
) -> None:
    assert is_accepted(version) is accepted


@pytest.mark.parametrize(
    ("version", "can"),
    [
        ("go1.26.8", True),
        ("go1.23", True),
        ("go2.0", True),
        ("devel go1.27-abcdef", True),
        ("go1.22.12", False),
        ("go1.9", False),
        ("", False),
    ],
)
def test_go_must_be_1_23_or_newer(version: str, can: bool) -> None:
    assert go_can_build(version) is can
