"""What a run was: the content of ``settings.json`` and of the plan, read by every later step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


class Text(msgspec.Struct, frozen=True):
    """A sentence in both languages."""

    en: str
    ko: str


class PlannedSend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of ``plan.jsonl``: who should send what when. Follows from scenario and seed."""

    user: int
    number: int
    """Position in the user's own plan, from 0."""
    room: int
    at_s: float
    """Seconds after the load begins."""
    client_msg_id: str
    body: str
    second_click: bool = False
    """The other click of somebody who double-clicks; S6 should refuse it."""
    retry_after_s: tuple[float, ...] = ()
    """How long its author looks at its first failure before they press "send again", at its second
    …; then they give up."""


MoveKind = Literal[
    "arrive",  # opens the page for the first time, later than the others
    "hide",  # goes to another tab
    "show",
    "freeze",  # the browser stops the hidden page: no task of it runs
    "discard",  # the browser throws the hidden page away; shown again, it is loaded anew
    "navigate_away",  # another page in the same tab; the browser may keep this one
    "navigate_back",
    "go_offline",  # the network is gone, and the browser knows it
    "go_online",
    "switch_network",  # online again over another network, with another address
    "close_lid",  # the laptop sleeps: hidden, offline, no timer runs
    "open_lid",
    "leave",  # closes the page
    "come_back",  # opens it anew
]
"""Where the person goes, seen from the chat's tab."""
ModerationKind = Literal["hide_message", "delete_message"]
"""What a moderator does to one of the newest messages."""
MeddlingKind = Literal[
    "block_sockets",  # an extension refuses new WebSockets from now on
    "unblock_sockets",
    "cut_sockets",  # an extension closes those that are there
    "break_posts",  # from now on a POST's first kept connection breaks before its answer (H7)
    "spare_posts",
]
"""What something in the browser does to the page's connections; the person stays where they are."""
FaultAct = MoveKind | MeddlingKind
"""What faults in the browser are made of."""
ActKind = MoveKind | ModerationKind | MeddlingKind


class PlannedAct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of ``acts.jsonl``: who does what but writing. Follows from scenario and seed."""

    user: int
    number: int
    """Position in the user's own acts, from 0."""
    at_s: float
    """Seconds after the load begins."""
    act: ActKind
    fault: str = ""
    """The fault that it is of; empty: the person's own, or their device's."""


class GateSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bound on a figure (docs/scenarios.md, "Gates"). At least one of ``max`` and ``min``."""

    metric: str
    """A metric's name, with the percentile where it has some: ``ack_s.p99``."""
    window: str = "run"
    cohort: str = "all"
    max: float | None = None
    min: float | None = None
    min_samples: int = 1


Some = Annotated[tuple[str, ...], Meta(min_length=1)]


class RedTwin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The change that must turn a scenario's gates red: the proof that they see something.

    Gates are named as for ``--set``: by metric, with ``@window`` and ``@cohort`` behind it where a
    metric has several.
    """

    set: Some
    """What differs, each a ``KEY=VALUE`` as for ``--set``."""
    fails: Some
    """The gates that must not hold."""
    may_fail: tuple[str, ...] = ()
    """Those that may hold or not; all others must hold."""
    why: Text
    """What it breaks, and what users have of it."""


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was made of the scenario's ``[full_length]`` and ``[red_twin]``."""

    full_length: bool = False
    red_twin: RedTwin | None = None
    """``None``: it is no twin."""

    @property
    def words(self) -> tuple[str, ...]:
        """As the options of ``chatquake run`` name it; empty for a scenario as it is written."""
        chosen = {"full-length": self.full_length, "red-twin": self.red_twin is not None}
        return tuple(word for word, is_so in chosen.items() if is_so)


class Shortened(msgspec.Struct, frozen=True, kw_only=True):
    """A constant of the vendors that is smaller in this run, so that the run is short."""

    name: str
    value_s: float
    usual_s: float
    meaning: Text


class FaultSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A fault as planned, for the reports."""

    name: str
    kind: str
    cohorts: tuple[str, ...]
    planned_begin_s: float
    """Seconds after the load begins."""
    planned_end_s: float
    sentence: Text
    """What it does, in plain words."""


class CohortSummary(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    users: int
    policy: str
    policy_settings: dict[str, Any]
    library: str = "rjs-current"
    """The realtime-js of its pages; older histories do not say, and had this one."""
    browser: str = "chrome"
    browser_settings: dict[str, Any] = {}
    """Every field of the browser; empty in older histories."""


class RunSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``settings.json``. Times ending in ``_at_s`` are host-monotonic, others durations."""

    format_version: int = 1
    run_id: str
    scenario: str
    title: Text
    description: Text
    shows: tuple[str, ...]
    """Ids of the rules and hazards the scenario is about."""
    expect: Text | None = None
    """The figures to expect of the scenario as it is written, in words."""
    variant: Variant = Variant()
    shortened: tuple[Shortened, ...] = ()
    server: tuple[str, ...] = ()
    """The defects and the ``KNOB = VALUE`` of the bundled server for the whole run."""
    seed: int
    users: int
    spawn_rate: float
    rooms: int
    duration_s: float
    """From the first user's start to the end of the settling phase."""
    settle_s: float
    recovery_s: float
    late_after_s: float
    frozen_after_s: float
    ack_timeout_s: dict[str, float]
    """The send timeout of each cohort's policy."""
    cohorts: tuple[CohortSummary, ...]
    faults: tuple[FaultSummary, ...]
    gates: tuple[GateSpec, ...]
    languages: tuple[Literal["en", "ko"], ...] = ("en", "ko")
    target: str
    """``bundled`` or the target's name, never a secret."""
    versions: dict[str, str]
    machine: dict[str, Any]
    processes: int
    """How many processes carry users."""
    wall_clock_start: str
    """ISO 8601, for people; nothing is computed from it."""
    started_at_s: float | None = None
    """When the first user was started."""
    load_begins_at_s: float | None = None
    """Time zero of the plan and of the timeline."""
    load_ends_at_s: float | None = None
    """After this no planned send is due; the settling phase begins."""
    ended_at_s: float | None = None
    """The audit's end: what is not on a screen now counts as missing."""
    interrupted: str = ""
    """Why the run ended before its time; empty for a whole run."""
    broken: tuple[str, ...] = ()
    """What of the rig failed in the run, in plain words."""
