"""The receipts of a run, from what its rig did and what its users recorded.

The records are read only where a fault needs them: those in the browser have no other proof, and of
faults on the WebSockets they tell the extent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from chaos.browsers import browser_receipts
from chaos.extent import FirstSeen, Sockets, rows_by_room, with_extents
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from chaos.receipts import receipts
from chaos.user_records import user_records
from harness.commitlog import Commit
from harness.errors import RecordError
from harness.receipts import Probe, Receipt
from harness.recorder import Record, read_record
from harness.records import Path
from harness.rundir import RunDir
from scenarios.model import Scenario
from scenarios.people import acts
from scenarios.population import drawn_users, population

_decode_commits = msgspec.json.Decoder(Commit).decode_lines


def prove(
    scenario: Scenario,
    run: RunDir,
    history: Sequence[HistoryEntry],
    probes: Sequence[Probe],
    *,
    load_begins_at_s: float,
) -> tuple[Receipt, ...]:
    """One receipt for each fault, in the scenario's order."""
    faults = scenario.faults
    probed = [fault for fault in faults if fault.fault.means != "browser"]
    proved = receipts(probed, history, probes, load_begins_at_s=load_begins_at_s)
    if not any(map(_needs_records, faults)):
        return proved
    loaded = list(_records(run))
    users = user_records(event for record in loaded for _, event in record.events)
    in_browsers = browser_receipts(
        faults,
        acts(scenario),
        drawn_users(faults, population(scenario), seed=scenario.seed),
        users,
        load_begins_at_s=load_begins_at_s,
    )
    by_name = {receipt.fault: receipt for receipt in proved} | in_browsers
    commits = _decode_commits(run.commits.read_bytes()) if run.commits.exists() else []
    sockets = Sockets(records=users, rows_of=rows_by_room(commits), seen=_first_seen(loaded))
    return with_extents(faults, [by_name[fault.name] for fault in faults], sockets)


def _records(run: RunDir) -> Iterator[Record]:
    for path in sorted(run.events.glob("load*.cqr")):
        try:
            yield read_record(path)
        except RecordError:
            # The audit says which and why. Here its users did nothing, so that what is in their
            # browsers stays unproved.
            continue


def _needs_records(fault: ScheduledFault) -> bool:
    evidence = fault.evidence
    return fault.fault.means == "browser" or bool(
        evidence.cuts_sockets or evidence.rows_late_by_s is not None
    )


def _first_seen(loaded: Sequence[Record]) -> FirstSeen:
    seen: dict[tuple[int, int], float] = {}
    for record in loaded:
        live = record.deliveries[record.deliveries["path"] == Path.REALTIME]
        live = live[np.argsort(live["t_s"], kind="stable")[::-1]]  # the first one stays
        keys = zip(live["user"].tolist(), live["row_id"].tolist(), strict=True)
        seen |= dict(zip(keys, live["t_s"].tolist(), strict=True))
    return seen
