from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.server.access import access_of
from harness.server.auth.tokens import Claims
from harness.server.page.accounts import (
    MAX_NAME_BYTES,
    Asked,
    account_id,
    page_session,
    parse_asked,
)
from harness.wire.api import UUID_PATTERN
from tests.harness.server.builders import SECRET, TOKENS, UNIX_START_S

_NAMES = st.text(min_size=1, max_size=MAX_NAME_BYTES).filter(
    lambda name: (
        name.isprintable()
        and name == name.strip()
        and len(name.encode(errors="surrogatepass")) <= MAX_NAME_BYTES
    )
)


@given(_NAMES)
def test_an_id_holds_its_name_as_a_uuid_of_version_8(name: str) -> None:
    text = account_id(name)
    assert UUID_PATTERN.match(text)
    parsed = UUID(text)
    assert parsed.version == 8
    spelled = parsed.bytes[:6] + parsed.bytes[7:8] + parsed.bytes[9:]
    assert spelled.rstrip(b"\0") == name.encode(errors="surrogatepass")


@given(_NAMES, _NAMES)
def test_two_names_never_share_an_id(one: str, other: str) -> None:
    assert (account_id(one) == account_id(other)) == (one == other)


@pytest.mark.parametrize(
    "name", ["", " ", " alice", "alice\n", "a\0b", "fifteen-letters", "다섯글자요"]
)
def test_what_is_no_name_is_refused_with_the_field_s_name(name: str) -> None:
    with pytest.raises(UsageError, match=r"^user: must be a name of 1 to 14 bytes"):
        account_id(name)


def test_a_session_s_token_is_good_in_its_webinar_alone_and_ends() -> None:
    asked = Asked(user="mod", webinar=42, role="moderator", lifetime_s=60)
    session = page_session(asked, secret=SECRET, realtime_port=4000, now_unix_s=UNIX_START_S)

    claims = TOKENS.verify(session.token, 0.0)
    assert isinstance(claims, Claims)
    assert claims.user_id == session.user_id == account_id("mod")
    assert claims.access == access_of("authenticated", {"webinars": {"42": "moderator"}})
    assert claims.access.may_moderate(42)
    assert not claims.access.may_read(43)
    assert claims.expires_s == 60
    key = TOKENS.verify(session.api_key, 0.0)
    assert isinstance(key, Claims)
    assert key.access.database_role == "anon"


def test_a_query_is_read_with_its_defaults() -> None:
    assert parse_asked({"user": "alice", "webinar": "42"}) == Asked(user="alice", webinar=42)
    asked = {"user": "p", "webinar": "1", "role": "presenter", "lifetime_s": "5"}
    assert parse_asked(asked) == Asked(user="p", webinar=1, role="presenter", lifetime_s=5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("webinar", ""),
        ("webinar", "0"),
        ("webinar", "-1"),
        ("webinar", "x"),
        ("webinar", "٤٢"),
        ("webinar", "9" * 19),
        ("webinar", "1" * 10_000),
        ("role", "admin"),
        ("lifetime_s", "0"),
        ("lifetime_s", "86401"),
        ("lifetime_s", "1.5"),
    ],
)
def test_a_bad_field_is_named(field: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"^{field}: must be "):
        parse_asked({"user": "alice", "webinar": "42", field: value})
