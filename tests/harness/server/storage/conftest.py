from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.server.storage.backends import Backend, PostgresBackend, SqliteBackend
from tests.support.postgres import Cluster, Missing, cluster
from tests.support.required import skip_or_fail


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One PostgreSQL for all tests that need one."""
    try:
        with cluster() as running:
            yield running
    except Missing as missing:
        skip_or_fail(str(missing))


@pytest.fixture
def database(postgres: Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.e2e)])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Each kind of storage on an empty database; both must pass the same tests."""
    if request.param == "sqlite":
        return SqliteBackend(tmp_path / "chat.db")
    return PostgresBackend(request.getfixturevalue("database"))
