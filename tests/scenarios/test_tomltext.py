"""What is written reads back as it was."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.tomltext import toml_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3),
    lambda inner: (
        st.dictionaries(TEXT, inner, max_size=4)
        | st.lists(st.dictionaries(TEXT, inner, max_size=3), max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_a_written_document_reads_back_equal(document: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(document)) == document


def test_a_value_toml_has_no_form_for_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml_text({"nothing": None})
