"""The one release of Toxiproxy that Chatquake is measured with: pure facts and decisions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PINNED_VERSION = "2.12.0"
RELEASE_URL = f"https://github.com/Shopify/toxiproxy/releases/download/v{PINNED_VERSION}"
GO_PACKAGE = f"github.com/Shopify/toxiproxy/v2/cmd/server@v{PINNED_VERSION}"
UNSTAMPED = "git"
"""What a server says that was built by ``go install``, which stamps no version."""

RELEASE_SHA256: Mapping[str, str] = MappingProxyType(
    {
        "linux_amd64": "65e042d3fc2290c099527bc506446a6fd863a09f113b8944b636ece70221c2b3",
        "linux_arm64": "ab417dafc77ae8b54ec8461cc5da5180d0465a61dcbda86c72da72ee4ab843b7",
    }
)
"""SHA-256 of the release's archive for each platform that has a pin."""

_GO_AT_LEAST = (1, 23)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Asset:
    """A file of the release and the checksum it must have."""

    name: str
    sha256: str


def platform_name(system: str, architecture: str) -> str:
    """The release's name of a platform, from what the operating system calls itself.

    ``("Linux", "x86_64")`` is ``linux_amd64``.
    """
    architecture = architecture.lower()
    return f"{system.lower()}_{_ARCHITECTURES.get(architecture, architecture)}"


def asset_for(platform: str, sha256: Mapping[str, str]) -> Asset | None:
    """The archive for a platform; None without a pin, for unchecked code is not run."""
    pin = sha256.get(platform)
    if pin is None:
        return None
    return Asset(f"toxiproxy_{PINNED_VERSION}_{platform}.tar.gz", pin)


def version_in(text: str) -> str | None:
    """The version in what ``toxiproxy-server -version`` prints; None if it names none."""
    found = re.search(r"\bversion v?(\S+)", text)
    return found[1] if found else None


def is_accepted(version: str) -> bool:
    """Whether a server of this version acts as the pinned one: the same minor, or unstamped."""
    minor = PINNED_VERSION.rpartition(".")[0]
    return version == UNSTAMPED or version.startswith(f"{minor}.")


def go_can_build(version: str) -> bool:
    """Whether a Go that calls itself so (``go1.26.8``) can build the pinned Toxiproxy."""
    found = re.search(r"\bgo(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= _GO_AT_LEAST
