"""A whole run with faults in browsers: proved by the users' own records, and invalid without."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.receipts import Extent, Receipt, ReceiptBook
from harness.records import (
    CLOSED_BY_EXTENSION,
    REFUSED_BY_EXTENSION,
    PageOpened,
    PersonActed,
    RequestRepeated,
    SocketClosed,
)
from tests.e2e.conftest import side_by_side
from tests.support.rundata import events, figure, receipt, verdict
from tests.support.runs import CHATQUAKE, Finished

pytestmark = pytest.mark.e2e

SCENARIO = Path(__file__).parent / "browsers.toml"
LOCUSTFILE = Path(__file__).parent.parent.parent / "locustfile.py"
TWO = [
    *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"),
    *("--scenario", str(SCENARIO), "-u", "20", "-r", "20", "-t", "32s", "--processes", "2"),
    *("--master-bind-port", "15561", "--master-port", "15561"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    commands = {"one": [*CHATQUAKE, "run", str(SCENARIO)], "two": TWO}
    return side_by_side(commands, tmp_path_factory.mktemp("browsers"))


@pytest.mark.parametrize("name", ["one", "two"])
def test_every_fault_in_a_browser_is_proved_by_exactly_its_users(
    runs: dict[str, Finished], name: str
) -> None:
    end = runs[name]
    assert end.code == 0, end.output
    out = end.out
    assert verdict(out).verdict == "pass"
    receipts = [receipt(out, fault) for fault in ("extension", "lid", "twice", "cut")]
    assert [found.problems for found in receipts] == [(), (), (), ()]
    extension, lid, _, cut = receipts
    assert extension.extent == Extent(unit="users", hit=5, of=5)
    assert lid.extent == Extent(unit="users", hit=3, of=3)
    assert cut.extent is not None
    assert cut.extent.hit == cut.extent.of > 0
    cohort = {page.user: page.cohort for page in events(out, PageOpened)}
    hit = {
        fault: {act.user for act in events(out, PersonActed) if act.fault == fault}
        for fault in ("extension", "lid", "twice")
    }
    assert {cohort[user] for user in hit["extension"]} == {"chrome"}
    assert {cohort[user] for user in hit["lid"] | hit["twice"]} == {"incognito"}
    reasons = (CLOSED_BY_EXTENSION, REFUSED_BY_EXTENSION)
    ended = {end.user for end in events(out, SocketClosed) if end.reason in reasons}
    assert ended == hit["extension"]


def test_the_same_users_are_hit_at_the_same_moments_whichever_process_carries_them(
    runs: dict[str, Finished],
) -> None:
    def acts(name: str) -> list[tuple[Any, ...]]:
        found = events(runs[name].out, PersonActed)
        return sorted((act.user, act.number, act.act, act.fault) for act in found)

    assert acts("one") == acts("two")
    one, two = ((runs[name].out / "acts.jsonl").read_bytes() for name in ("one", "two"))
    assert one == two


def test_h7_a_message_that_the_browser_sends_twice_is_stored_once(
    runs: dict[str, Finished],
) -> None:
    out = runs["one"].out
    assert len(events(out, RequestRepeated)) >= 3
    assert figure(out, "request_amplification", "during:twice", "incognito") > 1
    assert figure(out, "duplicate_rows") == 0


FORGERIES: dict[str, dict[str, Any]] = {
    "never felt": {"first_effect_s": None},
    "never over": {"healed_s": None},
}


@pytest.mark.parametrize("fault", ["extension", "lid"])
@pytest.mark.parametrize("forgery", ["missing", *FORGERIES])
def test_without_its_receipt_the_run_is_invalid(
    runs: dict[str, Finished], tmp_path: Path, fault: str, forgery: str
) -> None:
    out = tmp_path / "forged"
    shutil.copytree(runs["one"].out, out)
    book = msgspec.json.decode((out / "receipts.json").read_bytes(), type=ReceiptBook)

    def forged(one: Receipt) -> Receipt:
        changes = FORGERIES.get(forgery, {})
        return msgspec.structs.replace(one, **changes) if one.fault == fault else one

    kept = [forged(one) for one in book.receipts if one.fault != fault or forgery != "missing"]
    book = ReceiptBook(receipts=tuple(kept), probes=book.probes)
    (out / "receipts.json").write_bytes(msgspec.json.encode(book))

    subprocess.run([*CHATQUAKE, "report", str(out)], check=False, capture_output=True)

    assert verdict(out).verdict == "invalid"
    assert any(fault in finding.sentence.en for finding in verdict(out).rig)
