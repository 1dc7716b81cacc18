from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.server.__main__ import main, read_settings
from harness.server.defects import DESCRIPTIONS, Defect, parse_defects
from harness.server.knob_values import parse_knobs
from harness.server.knobs import Knobs

ENVIRONMENT = {"CHATQUAKE_JWT_SECRET": "s" * 32}


def test_every_defect_says_what_it_does() -> None:
    assert set(DESCRIPTIONS) == set(Defect)


def test_an_unknown_defect_is_one_line_that_lists_those_that_exist() -> None:
    with pytest.raises(UsageError) as caught:
        parse_defects(["event-lost", "even-lost"])

    assert str(caught.value).startswith(
        "--defect even-lost: no such defect; did you mean event-lost? allowed: "
    )
    assert all(name in str(caught.value) for name in Defect)
    assert "\n" not in str(caught.value)


def test_knobs_are_read_by_name_and_type() -> None:
    knobs = parse_knobs(["idle_timeout_s=0.5", "replica_identity_full=true", "keep_alive_s=5"])

    assert knobs == Knobs(idle_timeout_s=0.5, replica_identity_full=True, keep_alive_s=5)


@pytest.mark.parametrize("text", ["idle_timeout_s", "nonsense=1", "idle_timeout_s=soon", "=1"])
def test_a_knob_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--knob"):
        parse_knobs([text])


def test_the_secret_must_be_set() -> None:
    with pytest.raises(UsageError, match="CHATQUAKE_JWT_SECRET"):
        read_settings(["--database", "x"], {})


def test_the_database_may_come_by_the_environment() -> None:
    settings = read_settings([], {**ENVIRONMENT, "CHATQUAKE_DATABASE": "from-environment.db"})

    assert settings.database == Path("from-environment.db")


def test_the_option_wins_over_the_environment() -> None:
    environment = {**ENVIRONMENT, "CHATQUAKE_DATABASE": "from-environment.db"}

    assert read_settings(["--database", "x"], environment).database == Path("x")


def test_no_database_at_all_is_refused_with_both_ways_to_give_one() -> None:
    with pytest.raises(UsageError, match=r"^--database: .* CHATQUAKE_DATABASE$"):
        read_settings([], ENVIRONMENT)


def test_the_admin_port_stays_on_loopback_wherever_the_host_is() -> None:
    open_to_all = ["--database", "x", "--host", "0.0.0.0"]

    assert read_settings(open_to_all, ENVIRONMENT).admin_host == "127.0.0.1"
    given = read_settings([*open_to_all, "--admin-host", "::"], ENVIRONMENT)
    assert (given.host, given.admin_host) == ("0.0.0.0", "::")


def test_the_secret_is_not_shown_with_the_settings() -> None:
    assert "s" * 32 not in repr(read_settings(["--database", "x"], ENVIRONMENT))


def test_bad_usage_exits_2_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database", "x", "--defect", "none"], ENVIRONMENT) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
