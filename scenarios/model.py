"""A scenario: population, workload, faults, gates and seed, from one TOML file.

All durations are seconds. The load begins ``load_begins_s`` after the first user's start and
ends where the settling phase begins; the times of faults and sends count from its beginning.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from chaos import timeline
from chaos.faults.parse import parse_faults
from chaos.faults.phases import Phase, check_phases
from chaos.faults.schedule import ScheduledFault
from harness.errors import UsageError
from harness.near_names import near
from harness.runsettings import GateSpec, RedTwin, Text, Variant
from scenarios.checking import typed
from scenarios.cohorts import Cohort, CohortTable, as_table, resolve
from scenarios.constants import check_shortened, shortened_presets
from scenarios.demand import (
    MOST_SPAWNED_A_SECOND,
    Load,
    Seconds,
    SomeSeconds,
    check_capacity,
    check_load,
)
from scenarios.overrides import Tables, apply_sets
from scenarios.policies import OwnPolicy, known_policies, policy_tables, resolve_policies
from scenarios.presets import Name
from scenarios.recorded import with_recorded
from scenarios.server_table import ServerTable, check_server
from scenarios.tomltext import toml_text
from scenarios.variants import FullLength, check_forms, tables_of

RuleId = Annotated[
    str, Meta(pattern=r"^[SRFTHO][0-9]+\Z", description="ids of rules and hazards, e.g. S3 or H5")
]

Purpose = Literal["reference", "trial", "hazard", "field"]
"""What a scenario is for: to measure others against, a trial of the owners (T1–T5), a hazard of
their plan (H1–H10), or what the field has seen."""

LEAST_LOAD_S = 1.0
"""A shorter load says nothing."""


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file as written; ``faults`` stay tables, their kinds are chaos's matter.

    What ``full_length`` and ``red_twin`` say is in force already, if it is to be, or else ignored.
    """

    name: Name
    title: Text
    description: Text
    purpose: Purpose | None = None
    shows: tuple[RuleId, ...] = ()
    expect: Text | None = None
    variant: Variant = Variant()
    full_length: FullLength | None = None
    red_twin: RedTwin | None = None
    shortened: dict[str, float] = {}
    server: ServerTable = ServerTable()
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    duration_s: SomeSeconds
    settle_s: Seconds
    warmup_s: Seconds
    recovery_s: Seconds
    late_after_s: SomeSeconds = 5.0
    frozen_after_s: SomeSeconds = 2.0
    access_token_lifetime_s: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None
    load: Load
    policies: dict[str, Any] = {}
    cohorts: Annotated[tuple[CohortTable, ...], Meta(min_length=1)]
    phases: tuple[Phase, ...] = ()
    faults: tuple[dict[str, Any], ...] = ()
    gates: tuple[GateSpec, ...] = ()


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved and checked scenario; nothing in it depends on the machine."""

    name: str
    title: Text
    description: Text
    shows: tuple[str, ...]
    """Ids of the rules and hazards it is about."""
    purpose: Purpose | None = None
    expect: Text | None = None
    """The figures to expect of the scenario as it is written, in words."""
    variant: Variant = Variant()
    shortened: dict[str, float] = {}
    """Constants of the vendors that are smaller, by name (``scenarios.constants``)."""
    server: ServerTable = ServerTable()
    seed: int
    duration_s: float
    """From the first user's start to the end of the settling phase."""
    settle_s: float
    """At the end: no send is planned, late messages may still arrive."""
    warmup_s: float
    """After the last user's start, before the load begins."""
    recovery_s: float
    late_after_s: float
    frozen_after_s: float
    access_token_lifetime_s: int | None = None
    """From a sign-in or a renewal to the token's end (H9); ``None``: tokens outlive the run, and
    nobody renews any."""
    load: Load
    policies: tuple[OwnPolicy, ...] = ()
    """Those that the file defines, whether a cohort takes them or not."""
    cohorts: tuple[Cohort, ...]
    phases: tuple[Phase, ...]
    """Names for stretches of the load; the times of the faults no longer need them."""
    faults: tuple[ScheduledFault, ...]
    gates: tuple[GateSpec, ...]

    @property
    def load_begins_s(self) -> float:
        """Time zero of plan and timeline, in seconds after the first user's start."""
        return self.load.users / self.load.spawn_rate + self.warmup_s

    @property
    def load_ends_s(self) -> float:
        """In seconds after the first user's start."""
        return self.duration_s - self.settle_s

    @property
    def load_s(self) -> float:
        """How long the load lasts."""
        return self.load_ends_s - self.load_begins_s

    @property
    def rooms(self) -> int:
        return len(self.load.room_sizes)

    @property
    def unused_policies(self) -> tuple[str, ...]:
        """Names of its own policies that no cohort takes."""
        taken = {cohort.policy.name for cohort in self.cohorts}
        return tuple(own.policy.name for own in self.policies if own.policy.name not in taken)


def library_names() -> tuple[str, ...]:
    """Names of the scenarios that come with Chatquake, sorted."""
    folder = resources.files("scenarios").joinpath("library")
    found = (Path(file.name) for file in folder.iterdir())
    return tuple(sorted(file.stem for file in found if file.suffix == ".toml"))


def load_scenario(
    name_or_path: str,
    *,
    users: int | None = None,
    duration_s: float | None = None,
    seed: int | None = None,
    spawn_rate: float | None = None,
    sets: tuple[str, ...] = (),
    full_length: bool = False,
    red_twin: bool = False,
) -> Scenario:
    """A scenario from the library by name, or from a TOML file by path, resolved and checked.

    ``full_length`` and ``red_twin`` choose its form. The other arguments replace what the file
    says; ``sets`` are ``KEY=VALUE`` texts and win over all (``scenarios.overrides``). Raises
    :class:`UsageError`, one line, for every mistake.
    """
    written, where, folder = _read(name_or_path)

    def resolved(tables: Tables, called: str) -> Scenario:
        return _resolved(tables, folder, called)

    check_forms(written, resolved, where=where)
    tables = tables_of(written, full_length=full_length, red_twin=red_twin, where=where)
    given = {
        "--full-length": full_length or None,
        "--red-twin": red_twin or None,
        "--users": users,
        "--duration": duration_s,
        "--seed": seed,
        "--set": sets or None,
    }
    if options := [option for option, value in given.items() if value is not None]:
        where = f"{where} with {', '.join(options)}"
    top = {"duration_s": duration_s, "seed": seed}
    load = {"users": users, "spawn_rate": spawn_rate}
    tables |= {key: value for key, value in top.items() if value is not None}
    if isinstance(tables.get("load"), dict):
        if users is not None and spawn_rate is None:
            tables["load"] |= _as_quickly(tables["load"], users)
        tables["load"] |= {key: value for key, value in load.items() if value is not None}
    scenario = resolved(apply_sets(tables, sets), where)
    _check_sets_have_effect(scenario, sets)
    return scenario


def _resolved(tables: Tables, folder: Path, where: str) -> Scenario:
    scenario = scenario_from(with_recorded(tables, folder=folder, where=where), where=where)
    # The names of the metrics come with pandas, which processes that carry users do without.
    from scenarios.gatecheck import check_gates  # noqa: PLC0415

    check_gates(scenario.gates, windows=_windows(scenario), where=where)
    return scenario


def _as_quickly(load: Mapping[str, Any], users: int) -> Tables:
    """More users than the file has start in the same time: the first of them would otherwise
    wait so long in a silent room that they begin to poll (F1, H3)."""
    written, rate = load.get("users"), load.get("spawn_rate")
    if isinstance(written, int) and isinstance(rate, int | float) and users > written > 0:
        return {"spawn_rate": min(MOST_SPAWNED_A_SECOND, rate * users / written)}
    return {}


def scenario_from(tables: Mapping[str, Any], *, where: str) -> Scenario:
    """A scenario from the tables of its file, all checked but its gates; ``where`` names the file.

    Raises :class:`UsageError`.
    """
    head = typed(dict(tables), _Head, where=where)
    policies = resolve_policies(head.policies, where=where)
    presets = shortened_presets(head.shortened)
    cohorts = resolve(head.cohorts, known_policies(policies), presets, where=where)
    check_shortened(
        head.shortened,
        [cohort.library.name for cohort in cohorts],
        [cohort.browser.name for cohort in cohorts],
        where=where,
    )
    check_server(head.server, where=where)
    names = tuple(cohort.name for cohort in cohorts)
    check_phases(head.phases, where=where)
    calm = Scenario(
        **{
            field: getattr(head, field)
            for field in Scenario.__struct_fields__
            if field not in ("policies", "cohorts", "faults")
        },
        policies=policies,
        cohorts=cohorts,
        faults=(),
    )
    faults = parse_faults(
        head.faults,
        where=where,
        cohorts=names,
        seed=head.seed,
        phases=head.phases,
        load_s=calm.load_s,  # a fault may repeat until the load's end
    )
    scenario = msgspec.structs.replace(calm, faults=faults)
    _check_shares(scenario, where)
    _check_duration(scenario, where)
    _check_somebody_is_there(scenario, where)
    check_load(scenario.load, load_s=scenario.load_s, where=where)
    _check_capacity(scenario, where)
    _check_tokens(scenario, where)
    timeline.validate(faults, load_s=scenario.load_s, where=where)
    return scenario


def to_toml(scenario: Scenario) -> str:
    """The scenario as resolved, as a TOML file that reads back as the same scenario."""
    tables = _without_none(msgspec.to_builtins(scenario, builtin_types=(tuple,)))
    tables["load"] = {
        key: value for key, value in tables["load"].items() if value not in (None, {})
    }
    tables["policies"] = policy_tables(scenario.policies)
    known = known_policies(scenario.policies)
    presets = shortened_presets(scenario.shortened)
    tables["cohorts"] = [as_table(cohort, known, presets) for cohort in scenario.cohorts]
    tables["variant"] = _variant_table(scenario.variant)
    tables["server"] = {key: value for key, value in tables["server"].items() if value}
    tables["phases"] = [_without_none(msgspec.to_builtins(phase)) for phase in scenario.phases]
    tables["faults"] = [_fault_table(fault) for fault in scenario.faults]
    tables["gates"] = [_without_none(msgspec.to_builtins(gate)) for gate in scenario.gates]
    return toml_text({key: value for key, value in tables.items() if value != {}})


def _read(name_or_path: str) -> tuple[Tables, str, Path]:
    path = Path(name_or_path)
    try:
        if path.suffix == ".toml" or path.parent != Path():
            where, text = name_or_path, path.read_text(encoding="utf-8")
        elif name_or_path in library_names():
            where = f"{name_or_path}.toml"
            text = resources.files("scenarios").joinpath("library", where).read_text("utf-8")
        else:
            hint = near(name_or_path, library_names())
            raise UsageError(
                f"scenario {name_or_path!r}: not in the library; {hint}; or the path of a TOML file"
            )
        return _tables(text, where), where, path.parent
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"{name_or_path}: cannot be read: {reason}") from None


def _tables(text: str, where: str) -> Tables:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: is not TOML: {error}") from None


def _variant_table(variant: Variant) -> Tables:
    twin = variant.red_twin
    said: Tables = {"full_length": True} if variant.full_length else {}
    return said if twin is None else {**said, "red_twin": msgspec.to_builtins(twin)}


def _fault_table(scheduled: ScheduledFault) -> Tables:
    table: Tables = {
        "name": scheduled.name,
        "kind": scheduled.kind,
        "at_s": scheduled.at_s,
        "for_s": scheduled.for_s,
    }
    if scheduled.ramp is not None:
        table |= msgspec.to_builtins(scheduled.ramp)
    if scheduled.on is not None:
        table["on"] = scheduled.on
    if scheduled.fault.means != "server":
        table["cohorts"] = scheduled.cohorts
    if scheduled.share != 1:
        table["share"] = scheduled.share
    return {**table, **_without_none(msgspec.to_builtins(scheduled.fault))}


def _check_sets_have_effect(scenario: Scenario, sets: tuple[str, ...]) -> None:
    """A sweep over a policy that nobody has would give the same run again and again."""
    for name in scenario.unused_policies:
        for text in sets:
            if text.strip().startswith(f"policies.{name}."):
                raise UsageError(
                    f"--set {text}: no cohort has this policy, so it would change nothing; add "
                    f"--set cohorts.NAME.policy={name}"
                )


def _check_shares(scenario: Scenario, where: str) -> None:
    load = scenario.load
    for cohort in scenario.cohorts:
        if cohort.share * load.users < 0.5:
            raise UsageError(
                f"{where}: cohorts.{cohort.name}.share: {cohort.share:g} of {load.users} users is "
                f"nobody; at least {math.ceil(1 / cohort.share)} users or a greater share"
            )


def _check_somebody_is_there(scenario: Scenario, where: str) -> None:
    browsers = [cohort.browser for cohort in scenario.cohorts]
    if all(b.hidden_after_s == 0 and b.hidden_for_s >= scenario.load_s for b in browsers):
        raise UsageError(
            f"{where}: cohorts: every tab is hidden from the start to the end, so nobody could "
            "write; give one cohort another browser, or a later hidden_after_s"
        )


def _check_capacity(scenario: Scenario, where: str) -> None:
    # A last room that is nearly empty may write less than asked (scenarios.workload).
    load = scenario.load
    disabled_s = max(cohort.policy.send_disabled_s for cohort in scenario.cohorts)
    check_capacity(load, present=load.smallest_room, disabled_s=disabled_s, where=where)


def _check_tokens(scenario: Scenario, where: str) -> None:
    if scenario.access_token_lifetime_s is not None:
        return
    if "token_look_s" in scenario.shortened:
        raise UsageError(
            f"{where}: shortened.token_look_s: has no effect while tokens outlive the run; leave "
            "it out, or say access_token_lifetime_s"
        )
    for cohort in scenario.cohorts:
        if not cohort.policy.renew_token:
            raise UsageError(
                f"{where}: cohorts.{cohort.name}.overrides.renew_token: has no effect while tokens "
                "outlive the run; leave it out, or say access_token_lifetime_s"
            )


def _check_duration(scenario: Scenario, where: str) -> None:
    ends_s = {f"the end of fault {fault.name!r}": fault.end_s for fault in scenario.faults}
    ends_s |= {f"the end of phase {phase.name!r}": phase.end_s for phase in scenario.phases}
    ends_s["the least that says anything"] = LEAST_LOAD_S
    last = max(ends_s, key=ends_s.__getitem__)
    if scenario.load_s + 1e-6 >= ends_s[last]:
        return
    spawn_s = scenario.load.users / scenario.load.spawn_rate
    least_s = math.ceil(spawn_s + scenario.warmup_s + ends_s[last] + scenario.settle_s)
    raise UsageError(
        f"{where}: duration_s: {scenario.duration_s:g} is too short; at least {least_s}: starting "
        f"{scenario.load.users} users takes {spawn_s:g} s, warming up {scenario.warmup_s:g} s, "
        f"the load to {last} {ends_s[last]:g} s, settling {scenario.settle_s:g} s"
    )


def _windows(scenario: Scenario) -> dict[str, frozenset[str]]:
    """The windows that each cohort will have; a fault opens them only for those it hits."""
    windows = {}
    for cohort in ("all", *(c.name for c in scenario.cohorts)):
        hit = [fault.name for fault in scenario.faults if cohort in ("all", *fault.cohorts)]
        parts = [f"{part}:{name}" for name in hit for part in ("during", "recovery")]
        windows[cohort] = frozenset(("run", "before", *parts, *(["after"] if hit else [])))
    return windows


def _without_none(table: Tables) -> Tables:
    return {key: value for key, value in table.items() if value is not None}
