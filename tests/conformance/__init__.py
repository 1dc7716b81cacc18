"""The vendors' genuine clients against the reference server."""

import pytest

pytest.register_assert_rewrite("tests.conformance.rows")
