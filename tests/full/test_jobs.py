"""What the library's full check runs, leaves out, and makes of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.runsettings import RedTwin, Text
from reports.model import Verdict
from scenarios.model import load_scenario
from tests.full import code
from tests.full.jobs import FORMS, Form, Job, Result, Verdicts, judge, known, left, wanted
from tests.full.table import table

TWIN = RedTwin(set=("a=1",), fails=("lost",), why=Text("a", "b"))
JOBS = wanted(["calm", "rough"], runs=2, full_length=False)


def result(job: Job, verdict: Verdicts = "pass", *wrong: str, took_s: float = 50) -> Result:
    return Result(
        job=job,
        code=f"code of {job.scenario}",
        commit="abc",
        ended="2026-01-02",
        verdict=verdict,
        wrong=wrong,
        took_s=took_s,
    )


CODE = {name: f"code of {name}" for name in ("calm", "rough")}


def test_each_scenario_and_its_twin_are_run_with_the_same_seeds() -> None:
    assert [(job.scenario, job.form, job.seed) for job in JOBS] == [
        (name, form, seed) for name in ("calm", "rough") for seed in (1, 2) for form in FORMS
    ]
    assert len({job.slug for job in JOBS}) == len(JOBS)


def test_the_options_are_those_that_a_run_takes() -> None:
    job = Job(scenario="steady", form="red twin", full_length=True, seed=3)

    name, *options = job.options
    assert options == ["--seed", "3", "--quiet", "--red-twin", "--full-length"]
    assert load_scenario(name, seed=3, full_length=True, red_twin=True).variant.full_length


def test_what_is_known_of_the_present_code_is_not_run_again() -> None:
    written = msgspec.json.encode([result(JOBS[0]), result(JOBS[5])])
    found = known(msgspec.json.decode(written, type=list[Result]), CODE)

    assert left(JOBS, found, again=False) == [j for j in JOBS if j not in (JOBS[0], JOBS[5])]


def test_what_other_code_came_to_does_not_count() -> None:
    found = known([result(JOBS[0]), result(JOBS[5])], CODE | {"calm": "changed"})

    assert list(found) == [JOBS[5]]


def test_wrong_results_are_run_again_where_that_is_asked_and_the_later_one_counts() -> None:
    wrong, right = result(JOBS[0], "invalid", "starved"), result(JOBS[0])

    assert JOBS[0] not in left(JOBS, known([wrong], CODE), again=False)
    assert JOBS[0] in left(JOBS, known([wrong], CODE), again=True)
    assert known([wrong, right], CODE) == {JOBS[0]: right}


@pytest.mark.parametrize(
    ("form", "twin", "verdict", "wrong"),
    [
        ("scenario", None, "pass", ()),
        ("scenario", None, "fail", ("reason",)),
        ("scenario", None, "invalid", ("reason",)),
        ("scenario", TWIN, "pass", ("the run says that it is a twin",)),
        ("red twin", None, "fail", ("the run does not say that it is a twin",)),
        ("red twin", TWIN, "invalid", ("the run is invalid: reason",)),
    ],
)
def test_a_run_is_judged_by_what_its_form_must_come_to(
    form: Form, twin: RedTwin | None, verdict: Verdicts, wrong: tuple[str, ...]
) -> None:
    reasons = () if verdict == "pass" else ("reason",)

    found = judge(form, twin, Verdict(verdict=verdict, reasons=reasons, gates=(), rig=()))

    assert found == wrong


def test_the_table_counts_each_form_and_names_what_was_not_as_expected() -> None:
    found = {
        JOBS[0]: result(JOBS[0], took_s=40),
        JOBS[2]: result(JOBS[2], took_s=60),
        JOBS[1]: result(JOBS[1], "pass", "lost must fail: pass"),
    }

    page = table(JOBS, found, machine="2 cores")

    assert "2026-01-02, the default length, at abc, on 2 cores." in page
    assert "| `calm` | scenario | 2 | 2 | 2 | 0 | 0 | 50 |" in page
    assert "| `calm` | red twin | 1 of 2 | 0 | 1 | 0 | 0 | 50 |" in page
    assert "| `rough` | scenario | 0 of 2 | 0 | 0 | 0 | 0 | – |" in page
    assert "* `calm`, red twin, seed 1: lost must fail: pass" in page


def test_a_fingerprint_is_of_the_code_and_of_the_scenario_s_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"harness/a.py": "1", "scenarios/library/x.toml": "x", "scenarios/library/y.toml": "y"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(code, "ROOT", tmp_path)
    monkeypatch.setattr(code, "_git", lambda *_: "\n".join([*files, "harness/deleted.py"]))

    first = code.fingerprints(("x", "y"))
    (tmp_path / "scenarios/library/y.toml").write_text("z", encoding="utf-8")
    own = code.fingerprints(("x", "y"))
    (tmp_path / "harness/a.py").write_text("2", encoding="utf-8")
    all_of_it = code.fingerprints(("x", "y"))

    assert own["x"] == first["x"]
    assert own["y"] != first["y"]
    assert all_of_it["x"] != own["x"]
