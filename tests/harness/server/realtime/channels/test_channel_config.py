from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.server.realtime.channels.channel_config import (
    ChannelConfig,
    is_object,
    join_token,
    parse_config,
    parse_object,
    pushed_token,
)


def test_everything_that_can_be_asked_for_is_understood() -> None:
    config = {
        "broadcast": {"ack": True, "self": True, "replication_ready": True},
        "presence": {"key": "ann", "enabled": True},
        "private": True,
    }

    assert parse_config({"config": config}) == ChannelConfig(
        ack=True,
        hears_itself=True,
        awaits_replication=True,
        presence=True,
        presence_key="ann",
        private=True,
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("TRUE", True), ("False", False), ("yes", False), (1, False), (None, False)],
)
def test_a_boolean_may_be_written_as_text(value: Any, expected: bool) -> None:
    assert parse_config({"config": {"private": value}}).private is expected


@pytest.mark.parametrize(
    "content", [{}, {"config": None}, {"config": []}, {"config": {"broadcast": None}}]
)
def test_what_makes_no_sense_counts_as_the_default(content: dict[str, Any]) -> None:
    assert parse_config(content) == ChannelConfig()


def test_one_bad_field_leaves_those_beside_it() -> None:
    config = parse_config({"config": {"broadcast": {"ack": "maybe", "self": True}, "presence": 1}})

    assert (config.ack, config.hears_itself) == (False, True)


def test_a_presence_key_may_be_a_number() -> None:
    assert parse_config({"config": {"presence": {"key": 5}}}).presence_key == "5"


@pytest.mark.parametrize(
    ("content", "token"),
    [
        ({}, None),
        ({"access_token": None}, None),
        ({"access_token": "a"}, "a"),
        ({"access_token": "sb_publishable_1"}, None),
        ({"access_token": 7}, None),
        ({"access_token": ""}, ""),
        ({"user_token": "u"}, "u"),
        ({"user_token": "u", "access_token": "a"}, "u"),
    ],
)
def test_the_token_of_a_join(content: dict[str, Any], token: str | None) -> None:
    assert join_token(content) == token


@pytest.mark.parametrize(("pushed", "token"), [("", ""), (None, None), (7, None), ("sb_1", None)])
def test_the_token_of_a_push(pushed: Any, token: str | None) -> None:
    assert pushed_token({"access_token": pushed}) == token


@pytest.mark.parametrize(
    ("text", "is_one"), [(b"{}", True), (b' {"a":1}', True), (b"[]", False), (b"null", False)]
)
def test_an_object_is_told_from_other_payloads(text: bytes, is_one: bool) -> None:
    raw = msgspec.Raw(text)

    assert is_object(raw) is is_one
    assert (parse_object(raw) is not None) is is_one
