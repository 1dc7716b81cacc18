"""What the load (Locust) and the conductor tell each other: one JSON object a line on a pipe.

The load's side writes to the conductor's stdin and reads its stdout. The conductor owns the
reference server, Toxiproxy, the faults and the audit; the load owns the users.
"""

from __future__ import annotations

import msgspec

from scenarios.progress import Note


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin"):
    """To the conductor: the first user starts now. Times are host-monotonic."""

    started_at_s: float
    load_begins_at_s: float
    load_ends_at_s: float
    processes: int
    """How many carry users."""


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """To the conductor: all pages are closed and recorded; heal, collect, audit."""

    ended_at_s: float
    interrupted: str = ""
    """Why the run ended before its time; empty for a whole run."""
    broken: tuple[str, ...] = ()
    """What failed on the load's side."""


ToConductor = Begin | End


class Address(msgspec.Struct, frozen=True):
    host: str
    port: int


class CohortEndpoints(msgspec.Struct, frozen=True):
    """Where clients of a cohort connect: its own pair of proxies."""

    api: Address
    realtime: Address


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """From the conductor: server, proxies and canary are up."""

    run_id: str
    endpoints: dict[str, tuple[CohortEndpoints, ...]]
    """By cohort, in each of the rig's lanes; users take them in turn."""
    jwt_secret: str
    api_key: str
    refresh_tokens: tuple[str, ...] = ()
    """Of each user by index, where the scenario's access tokens end."""


class FaultsOn(msgspec.Struct, frozen=True, kw_only=True, tag="faults_on"):
    """From the conductor: the names of the faults that are on from here."""

    names: tuple[str, ...]


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """From the conductor: a line for the terminal."""

    note: Note


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag="broken"):
    """From the conductor: a part of the rig failed; the run cannot be judged, so end it."""

    text: str


class Audited(msgspec.Struct, frozen=True, kw_only=True, tag="audited"):
    """From the conductor: the run directory is complete."""

    exit_code: int


class CannotRun(msgspec.Struct, frozen=True, kw_only=True, tag="cannot_run"):
    """From the conductor: the run could not be made, or not be audited."""

    exit_code: int
    text: str


FromConductor = Ready | FaultsOn | Told | Broken | Audited | CannotRun
