from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.server.storage.sqlite import SqliteStorage
from tests.harness.server.chat.api import Api


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    storage = SqliteStorage(tmp_path / "chat.db", lambda changes: None)
    yield Api(storage)
    storage.close()
