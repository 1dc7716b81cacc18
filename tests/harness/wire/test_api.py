from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire.api import UUID_PATTERN, uuid_text

TEXT = "11111111-1111-4111-8111-11111111111a"


@given(st.uuids())
def test_every_spelling_of_a_uuid_is_written_as_the_database_does(uuid: UUID) -> None:
    text = str(uuid)
    for spelling in (text, text.upper(), uuid.hex, f"{{{text}}}", "-".join(fours(uuid.hex))):
        assert uuid_text(spelling) == text


def fours(text: str) -> list[str]:
    return [text[start : start + 4] for start in range(0, len(text), 4)]


@pytest.mark.parametrize(
    "text",
    [
        *("", "nobody", TEXT[:-1], TEXT + "0", TEXT + "\n", " " + TEXT, "{" + TEXT, TEXT + "}"),
        *(TEXT.replace("a", "g"), TEXT.replace("11a", "1_a"), TEXT.replace("11a", "1٣a")),
        *("urn:uuid:" + TEXT, TEXT.replace("-", "--"), "1-" + TEXT[1:]),
    ],
)
def test_what_the_database_takes_for_no_uuid_is_none(text: str) -> None:
    assert uuid_text(text) is None


@given(st.uuids(version=4))
def test_what_a_client_may_call_a_message_the_database_can_hold(uuid: UUID) -> None:
    assert UUID_PATTERN.match(str(uuid))
    assert uuid_text(str(uuid)) is not None
