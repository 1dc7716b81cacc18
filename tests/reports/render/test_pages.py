"""The written pages: complete, repeatable, closed in themselves, safe with any name."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from harness.runsettings import Text
from reports.figures import draw_all
from reports.model import Audit, MessageFault, Point, Result, Series
from reports.render import render
from reports.render.html import html
from reports.render.junit import junit
from reports.render.markdown import markdown, plain
from reports.render.tables import MOST_WRONG, cohort_table, lost_extent, window_tables
from reports.texts import Language
from tests.support.sample_audit import empty_audit, sample_audit

RESULTS: tuple[Result, ...] = ("pass", "fail", "invalid")
EVIL = "<script>alert(1)</script>"


@cache
def _page(result: Result, language: Language = "en") -> str:
    return _html(sample_audit(result), language)


def _html(audit: Audit, language: Language = "en") -> str:
    return html(audit, draw_all(audit), language=language)


class Outline(HTMLParser):
    """Start tags with their attributes, and whether every element was closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_rendering_writes_the_files_of_the_run_directory(tmp_path: Path) -> None:
    written = render(sample_audit(), tmp_path)
    names = [str(path.relative_to(tmp_path)) for path in written]
    assert names[0] == "report.html"
    assert names[-2:] == ["report.md", "junit.xml"]
    assert len([name for name in names if name.startswith("figures/")]) == 7
    assert all(path.is_file() for path in written)


def test_only_the_wished_formats_are_written(tmp_path: Path) -> None:
    assert render(sample_audit(), tmp_path, formats=("junit",)) == (tmp_path / "junit.xml",)
    assert [path.name for path in tmp_path.iterdir()] == ["junit.xml"]


def test_the_same_audit_writes_the_same_bytes(tmp_path: Path) -> None:
    first = render(sample_audit("fail"), tmp_path / "a", language="ko")
    second = render(sample_audit("fail"), tmp_path / "b", language="ko")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_no_page_knows_where_it_was_written(tmp_path: Path) -> None:
    for path in render(sample_audit(), tmp_path):
        assert str(tmp_path) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("result", RESULTS)
def test_the_page_is_well_formed_and_its_ids_are_unique(result: Result) -> None:
    outline = Outline(_page(result))
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("audit", [sample_audit("fail"), empty_audit()], ids=["full", "empty"])
def test_every_label_and_link_of_the_page_has_its_target(audit: Audit) -> None:
    tags = Outline(_html(audit)).tags
    ids = {attributes.get("id") for _, attributes in tags}
    wanted = {a["aria-labelledby"] for _, a in tags if "aria-labelledby" in a}
    wanted |= {(a["href"] or "").removeprefix("#") for tag, a in tags if tag == "a"}
    assert wanted <= ids


def test_the_page_loads_nothing_from_outside() -> None:
    page = _page("fail")
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", page))
    assert {address for address in addresses if not address.startswith("http://www.w3.org/")} == (
        set()
    )
    tags = Outline(page).tags
    assert not [a for tag, a in tags if tag in ("link", "img", "iframe") or "src" in a]
    assert "@import" not in page


def test_the_page_opens_in_the_wished_language_and_holds_both() -> None:
    english = _page("pass")
    korean = _page("pass", "ko")
    assert '<html lang="en"' in english
    assert '<html lang="ko"' in korean
    for page in (english, korean):
        assert "The chat kept all 5 limits." in page
        assert "채팅이 정한 기준 5개를 모두 지켰습니다." in page


@pytest.mark.parametrize(
    ("result", "english", "korean"),
    [("pass", "pass", "통과"), ("fail", "fail", "실패"), ("invalid", "invalid", "판정 불가")],
)
def test_the_headline_carries_the_verdict_as_a_word(
    result: Result, english: str, korean: str
) -> None:
    page = _page(result)
    headline = page[page.index("<h1") : page.index("</h1>")]
    assert f'<span class="t" lang="en">{english}</span>' in headline
    assert f'<span class="t" lang="ko">{korean}</span>' in headline


def test_the_verdict_comes_before_gates_and_gates_before_figures_and_tables() -> None:
    page = _page("fail")
    places = [page.index(f'id="{name}"') for name in ("headline", "gates", "figures", "windows")]
    assert places == sorted(places)


def test_names_from_a_run_are_escaped_everywhere() -> None:
    audit = sample_audit("fail", fault=EVIL)
    settings = audit.settings
    fields = {name: getattr(settings, name) for name in settings.__struct_fields__}
    fields |= {"scenario": EVIL, "title": type(settings.title)(en=EVIL, ko=EVIL),
               "versions": {EVIL: EVIL}, "machine": {EVIL: EVIL}}  # fmt: skip
    audit = replace(audit, settings=type(settings)(**fields))
    assert EVIL not in _html(audit)
    assert EVIL not in markdown(audit, language="en")
    assert EVIL not in junit(audit)


def test_a_run_without_anything_still_gives_all_pages(tmp_path: Path) -> None:
    for path in render(empty_audit(), tmp_path):
        assert path.stat().st_size > 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "There was no traffic" in page
    assert "Nothing was recorded here." in page


def test_a_percentile_among_what_never_ended_prints_as_longer() -> None:
    assert "&gt; 10.4 s" in _page("pass")
    assert "> 10.4초" in markdown(sample_audit(), language="ko").replace("\\", "")


def test_a_long_list_of_wrong_messages_is_cut_and_says_so() -> None:
    one = MessageFault(kind="stuck_pending", client_msg_id="m", row_id=None, room=1, sender=2,
                       receivers=(), committed_at_s=None)  # fmt: skip
    audit = replace(sample_audit(), wrong=(one,) * (MOST_WRONG + 7))
    page = _html(audit)
    assert page.count("<code>m</code>") == MOST_WRONG
    assert "7 more are in ledger.parquet" in page


def test_a_page_of_a_busy_run_stays_under_three_megabytes() -> None:
    points = tuple(Point(i * 0.008, 0.01 + i % 97, "realtime") for i in range(5000))
    series = sample_audit().series
    fields = {name: getattr(series, name) for name in series.__dataclass_fields__}
    audit = replace(sample_audit(), series=Series(**{**fields, "deliveries": points}))
    assert len(_html(audit).encode()) < 3_000_000


def test_junit_counts_a_failed_gate_as_failure_and_an_unclear_one_as_error() -> None:
    failed = ET.fromstring(junit(sample_audit("fail")))
    assert (failed.get("tests"), failed.get("failures"), failed.get("errors")) == ("6", "1", "0")
    unclear = ET.fromstring(junit(sample_audit("invalid")))
    assert (unclear.get("failures"), unclear.get("errors")) == ("0", "2")
    assert len(unclear.findall("testsuite/testcase/error")) == 2


def test_junit_of_a_pass_has_no_failure_and_every_case_its_attributes() -> None:
    suites = ET.fromstring(junit(sample_audit("pass")))
    assert suites.tag == "testsuites"
    cases = suites.findall("testsuite/testcase")
    assert [set(case.keys()) for case in cases] == [{"classname", "name", "time"}] * 6
    assert {case.get("time") for case in cases} == {"0"}
    assert cases[-1].get("name") == "rig"


def test_junit_of_an_invalid_run_without_gates_is_still_red() -> None:
    audit = empty_audit()
    verdict = type(audit.verdict)(verdict="invalid", reasons=("Ctrl-C",), gates=(), rig=())
    error = ET.fromstring(junit(replace(audit, verdict=verdict))).find("testsuite/testcase/error")
    assert error is not None
    assert error.get("message") == "Ctrl-C"


def test_junit_survives_characters_that_xml_cannot_hold() -> None:
    audit = sample_audit("fail")
    gate = audit.verdict.gates[1]
    fields = {name: getattr(gate, name) for name in gate.__struct_fields__}
    odd = type(gate)(**{**fields, "reason": Text("a\x00b\ud800", "")})
    verdict = type(audit.verdict)(verdict="fail", reasons=(), gates=(odd,), rig=())
    text = junit(replace(audit, verdict=verdict))
    assert ET.fromstring(text).findtext("testsuite/testcase/failure") == "a\ufffdb\ufffd"


def test_markdown_holds_verdict_facts_gates_and_windows() -> None:
    text = markdown(sample_audit("fail"), language="en")
    assert text.startswith("## ❌ FAIL: The chat broke 1 of its 5 limits.\n")
    assert "- **15.2 s** is how long the fault lasted" in text
    assert "| ❌ fail | Deliveries that never reached a screen" in text
    assert "| during ws-blocked |" in text
    assert "`chatquake run scenario.toml`" in text


def test_markdown_tables_keep_their_columns() -> None:
    blocks = markdown(sample_audit("invalid"), language="ko").split("\n\n")
    tables = [block.splitlines() for block in blocks if block.startswith("|")]
    assert len(tables) == 2
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1


def test_markdown_takes_the_meaning_from_markup() -> None:
    assert plain("a|b `c` @team\n<b>") == r"a\|b \`c\` \@team \<b\>"


def test_lost_deliveries_are_told_as_messages_and_screens() -> None:
    lost = [
        MessageFault(kind="lost", client_msg_id=f"m{n}", row_id=n, room=1, sender=2,
                     receivers=tuple(range(n)), committed_at_s=9.0)
        for n in (1, 2, 9)
    ]  # fmt: skip
    audit = replace(sample_audit("fail"), wrong=tuple(lost))
    assert lost_extent(audit).deliveries == 12
    assert "3 of " in _html(audit)
    assert "are missing on screens that should show them: 12 deliveries in all" in _html(audit)


@pytest.mark.parametrize(("count", "folded"), [(10, False), (11, True)])
def test_a_long_list_of_wrong_messages_is_folded(count: int, *, folded: bool) -> None:
    one = MessageFault(kind="lost", client_msg_id="m", row_id=None, room=1, sender=2,
                       receivers=(3,), committed_at_s=None)  # fmt: skip
    page = _html(replace(sample_audit("fail"), wrong=(one,) * count))
    assert (f"all {count} of them" in page) == folded


def two_cohorts() -> Audit:
    """The sample, and a second cohort of the same figures but twice as large."""
    audit = sample_audit("pass")
    (chrome,) = audit.settings.cohorts
    edge = msgspec.structs.replace(chrome, name="edge", policy="hardened")
    cells = tuple(cell for cell in audit.metrics.cells if cell.cohort == "all")
    doubled = tuple(
        msgspec.structs.replace(cell, cohort=name, value=factor * cell.value)
        for name, factor in (("chrome", 1), ("edge", 2))
        for cell in cells
        if cell.value is not None
    )
    return replace(
        audit,
        settings=msgspec.structs.replace(audit.settings, cohorts=(chrome, edge)),
        metrics=msgspec.structs.replace(audit.metrics, cells=cells + doubled),
    )


def test_cohorts_stand_side_by_side_with_their_policies_and_their_own_figures() -> None:
    audit = two_cohorts()
    table = cohort_table(audit)

    assert table is not None
    assert [(column.name, column.policy) for column in table.columns] == [
        ("chrome", "plan"),
        ("edge", "hardened"),
    ]
    assert len(table.rows) > 5
    for row in table.rows:
        whole = audit.metrics.cell(row.metric_id)
        assert whole is not None
        assert whole.value is not None
        assert [one.value.value for one in row.figures] == [whole.value, 2 * whole.value]
    page = _html(audit)
    ids = re.findall(r' id="([^"]+)"', page)
    assert 'id="groups"' in page
    assert sorted(set(ids)) == sorted(ids)
    assert "The groups side by side" in markdown(audit, language="en")


def test_one_cohort_is_compared_with_nobody() -> None:
    audit = sample_audit("pass")

    assert cohort_table(audit) is None
    assert 'id="groups"' not in _html(audit)
    assert "side by side" not in markdown(audit, language="en")


def test_of_the_reasons_of_skipped_sends_only_those_that_there_were_are_shown() -> None:
    audit = sample_audit("pass")
    made_up = tuple(
        msgspec.structs.replace(audit.metrics.cells[0], metric=metric, value=value, n=9)
        for metric, value in (
            ("skipped", 0.0),
            ("skipped.asleep", 0.0),
            ("skipped.tab_hidden", 2.0),
        )
    )
    metrics = msgspec.structs.replace(audit.metrics, cells=made_up)

    (table,) = window_tables(replace(audit, metrics=metrics))

    assert [row.metric_id for row in table.rows] == ["skipped", "skipped.tab_hidden"]
