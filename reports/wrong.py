"""The messages that went wrong, by id, for the lists of the report."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from reports.evidence import Evidence
from reports.model import MessageFault

Kind = Literal["lost", "visible_duplicate", "duplicate_row", "lost_after_ack", "stuck_pending"]


def wrong_messages(evidence: Evidence) -> tuple[MessageFault, ...]:
    """Every message that counts in one of the counted metrics, by kind, in planned order."""
    table, ledger = evidence.messages.table, evidence.ledger
    users = evidence.history.users["user"].to_numpy(np.int64)

    def on_screens(kind: Kind, pairs: np.ndarray) -> list[MessageFault]:
        hit = pd.Series(users[ledger.receiver[pairs]]).groupby(ledger.message[pairs])
        return [
            _fault(evidence, kind, int(str(message)), tuple(int(user) for user in receivers))
            for message, receivers in hit
        ]

    def of_sender(kind: Kind, messages: pd.Series[bool]) -> list[MessageFault]:
        return [_fault(evidence, kind, int(m), ()) for m in np.flatnonzero(messages)]

    return (
        *of_sender("lost_after_ack", table["lost_after_ack"]),
        *on_screens("lost", ledger.expected & np.isinf(ledger.shown_s)),
        *on_screens("visible_duplicate", ledger.copies > 1),
        *of_sender("duplicate_row", table["rows"] > 1),
        *of_sender("stuck_pending", table["stuck_pending"]),
    )


def _fault(
    evidence: Evidence, kind: Kind, message: int, receivers: tuple[int, ...]
) -> MessageFault:
    row = evidence.messages.table.iloc[message]
    committed_s = float(row["committed_s"])
    return MessageFault(
        kind=kind,
        client_msg_id=str(row["client_msg_id"]),
        row_id=int(row["row_id"]) if row["row_id"] >= 0 else None,
        room=int(row["room"]),
        sender=int(row["user"]),
        receivers=receivers,
        committed_at_s=None if np.isnan(committed_s) else committed_s - evidence.history.begin_s,
    )
