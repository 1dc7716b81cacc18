from __future__ import annotations

import pytest

from tests.support.required import VARIABLE, skip_or_fail


def test_what_is_missing_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)

    with pytest.raises(pytest.skip.Exception, match="no Node"):
        skip_or_fail("no Node")


def test_where_all_must_run_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")

    with pytest.raises(pytest.fail.Exception, match="no Node"):
        skip_or_fail("no Node")
