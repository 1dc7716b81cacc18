"""The command line: each command parses, calls one plain function and gives an exit code.

0 pass, 1 fail, 2 usage, 3 invalid, 130 interrupted. What is slow to import (pandas, matplotlib,
httpx, Locust) is imported inside of the command that needs it, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import msgspec
import typer

from harness.errors import ChatquakeError, UsageError
from harness.rundir import RunDir
from harness.runsettings import RedTwin
from scenarios.progress import Failed, Finished
from scenarios.terminal import PLAIN_WIDTH, screen_for, standard_console

if TYPE_CHECKING:
    from scenarios.model import Scenario

Language = Literal["en", "ko"]

app = typer.Typer(
    name="chatquake",
    help="When the network of a chat's users goes bad, what do those users see?",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"chatquake {metadata.version('chatquake')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def chatquake(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback has done it all
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say which."),
    ] = False,
) -> None:
    """When the network of a chat's users goes bad, what do those users see?"""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Lang = Annotated[Language, typer.Option(help="The language the report opens in.")]


_RUN_EXAMPLES = """Example: chatquake run ws-blocked --users 100 --out runs/mine

\b
More:
  chatquake run mine.toml --dry-run
  chatquake run flaky-network --set faults.cut.times=1 --dry-run --json
  chatquake run ws-blocked --red-twin
"""


@app.command(epilog=_RUN_EXAMPLES)
def run(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A name from the library, or a TOML file.")
    ],
    *,
    users: Annotated[int | None, typer.Option(min=1, help="How many users.")] = None,
    duration: Annotated[
        float | None, typer.Option(help="Seconds from the first user's start to the end.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Who writes what when.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run directory; new or empty. Default: in runs/.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that carry users.")] = 1,
    target: Annotated[
        Path | None, typer.Option(help="A target file; default: the bundled server.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any value of the scenario, e.g. faults.ws-blocked.for_s=20. Repeatable.",
        ),
    ] = None,
    full_length: Annotated[
        bool,
        typer.Option("--full-length", help="With the vendors' constants, and as long as it takes."),
    ] = False,
    red_twin: Annotated[
        bool, typer.Option("--red-twin", help="Made worse, so that its gates must turn red.")
    ] = False,
    lang: Lang = "en",
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the verdict.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the scenario and draw its timeline; start nothing."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: print JSON for scripts.")
    ] = False,
) -> None:
    """Run a scenario: break the network, watch the users, give a verdict.

    Exit code: 0 pass, 1 fail, 2 usage, 3 invalid (this run cannot tell), 130 interrupted.
    """
    with one_line_errors():
        from scenarios.model import load_scenario  # noqa: PLC0415 (slow to import)

        chosen = load_scenario(
            scenario,
            users=users,
            duration_s=duration,
            seed=seed,
            sets=tuple(sets or ()),
            full_length=full_length,
            red_twin=red_twin,
        )
        if target is not None:
            raise UsageError("--target is not yet supported; leave it out for the bundled server")
        if dry_run:
            _print_preview(chosen, lang, as_json=as_json)
            raise typer.Exit
        if as_json:
            raise UsageError(
                "--json goes with --dry-run; of a run, read the files of its directory"
            )
        from scenarios.launch import run as launch  # noqa: PLC0415 (slow to import)

        _look_at_size(chosen.load.users)
        title = f"{' '.join((chosen.name, *chosen.variant.words))}: {chosen.title.en}"
        screen = screen_for(standard_console(), title, quiet=quiet)
        with screen:
            code = launch(chosen, out=out, processes=processes, language=lang, show=screen.show)
        print_end(screen.view.ended, quiet=quiet, twin=chosen.variant.red_twin)
    raise typer.Exit(code)


def _print_preview(scenario: Scenario, language: Language, *, as_json: bool) -> None:
    from scenarios.preview import preview  # noqa: PLC0415 (slow to import)
    from scenarios.preview_view import print_preview  # noqa: PLC0415

    found = preview(scenario)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        print_preview(found, standard_console(PLAIN_WIDTH), language)


@app.command("list", epilog="Example: chatquake list --json")
def list_scenarios(*, as_json: AsJson = False) -> None:
    """List the scenarios of the library by purpose, with the rules and hazards that each shows."""
    with one_line_errors():
        from scenarios.library_view import listed, print_library  # noqa: PLC0415 (slow to import)

        found = listed()
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        else:
            print_library(found, standard_console(PLAIN_WIDTH))


_POLICIES_EXAMPLES = """Example: chatquake policies plan-reviewed

\b
More:
  chatquake policies plan hardened
  chatquake policies --scenario mine.toml --set policies.patient.poll_period_s=5
"""


@app.command(epilog=_POLICIES_EXAMPLES)
def policies(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Which; default: all.")
    ] = None,
    *,
    scenario: Annotated[
        str | None, typer.Option(help="With this scenario's own: a name, or a TOML file.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="With --scenario, as in run. Repeatable."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the client policies: every switch with its rule, unit and value.

    One policy with the meaning of each switch, or several side by side.
    """
    with one_line_errors():
        from scenarios.policy_view import chosen, views, write  # noqa: PLC0415 (slow to import)

        found = views(scenario, tuple(sets or ()))
        wanted = chosen(found, tuple(names or ()))
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(wanted)).decode())
        else:
            write(wanted, standard_console())


def _print_lines(lines: Callable[[], list[str]], *, wanted: bool) -> None:
    if wanted:
        typer.echo("\n".join(lines()))
        raise typer.Exit


def _print_defects(*, wanted: bool) -> None:
    from scenarios.serving import defect_lines  # noqa: PLC0415 (slow to import)

    _print_lines(defect_lines, wanted=wanted)


def _print_knobs(*, wanted: bool) -> None:
    from scenarios.serving import knob_lines  # noqa: PLC0415 (slow to import)

    _print_lines(knob_lines, wanted=wanted)


_SERVE_EXAMPLES = """Example: chatquake serve

\b
More:
  chatquake serve --defect event-lost --knob system_ok_delay_s=3
  chatquake serve --database chat.db --api-port 0 --realtime-port 0 --admin-port 0
"""


@app.command(epilog=_SERVE_EXAMPLES)
def serve(
    *,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="CHATQUAKE_DATABASE",
            show_envvar=True,
            help="An SQLite file or a postgresql:// URL; default: a new file, removed at the end.",
        ),
    ] = None,
    defect: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Plant a defect, see --list-defects. Repeatable."),
    ] = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Turn a knob, see --list-knobs. Repeatable."),
    ] = None,
    api_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Chat page and API; 0 takes a free one.")
    ] = 3000,
    realtime_port: Annotated[int, typer.Option(min=0, max=65535, help="The WebSocket.")] = 4000,
    admin_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Defects and knobs while it runs.")
    ] = 4100,
    admin_host: Annotated[
        str,
        typer.Option(help="Where the admin port listens; whoever reaches it rules the server."),
    ] = "127.0.0.1",
    list_defects: Annotated[  # noqa: ARG001 - its callback has done it all
        bool,
        typer.Option(
            "--list-defects", callback=_print_defects, is_eager=True, help="List them and exit."
        ),
    ] = False,
    list_knobs: Annotated[  # noqa: ARG001 - its callback has done it all
        bool,
        typer.Option(
            "--list-knobs", callback=_print_knobs, is_eager=True, help="List them and exit."
        ),
    ] = False,
) -> None:
    """Run the reference server alone, with a chat page to open in a browser, until Ctrl-C.

    It is a test server: whoever reaches its ports gets an account for the asking.
    """
    with one_line_errors(), tempfile.TemporaryDirectory(prefix="chatquake-serve-") as folder:
        from scenarios import serving  # noqa: PLC0415 (slow to import)

        if database == "":
            raise UsageError("--database: is empty; leave it out for a new file that is removed")
        settings = serving.ServeSettings(
            database=database or str(Path(folder, "chat.db")),
            keeps=database is not None,
            api_port=api_port,
            realtime_port=realtime_port,
            admin_port=admin_port,
            admin_host=admin_host,
            defects=tuple(defect or ()),
            knobs=tuple(knob or ()),
        )
        code = serving.serve(settings, os.environ, typer.echo)
    raise typer.Exit(code)


_CHAOS_EXAMPLES = """Example: chatquake chaos ws-blocked

\b
More:
  chatquake chaos refused
  chatquake chaos half_open latency --set latency.latency_ms=800
  chatquake chaos slow-send --in 10 --lang ko
  chatquake chaos flaky-network --by-key
  printf '1\\nwait 10\\n1\\nwait 5\\nq\\n' | chatquake chaos refused --json
"""


@app.command(epilog=_CHAOS_EXAMPLES)
def chaos(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO|FAULT",
            help="A scenario (from the library, or a TOML file), or kinds of fault.",
        ),
    ],
    *,
    by_key: Annotated[
        bool, typer.Option("--by-key", help="A scenario's faults by key, not by its timeline.")
    ] = False,
    countdown: Annotated[
        float | None,
        typer.Option(
            "--in", metavar="SECONDS", min=0, help="Begin the timeline then, without Enter."
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Of a scenario as in run; of a kind any key of its table. Repeatable.",
        ),
    ] = None,
    lang: Annotated[Language, typer.Option(help="The language of what is told.")] = "en",
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON lines, commands as lines on stdin.")
    ] = False,
) -> None:
    """Put your own browser through faults, by a scenario's timeline or by key press.

    Starts the server with its chat page and the proxies, prints the addresses, and tells of each
    fault when it bites and when it is healed. Ctrl-C heals and stops everything.

    Exit code: 0, 2 usage, 3 a fault was not proved or a part broke, 130 stopped while starting.
    """
    with one_line_errors():
        from scenarios.chaos_choice import choose  # noqa: PLC0415 (slow to import)

        choice = choose(names, sets=tuple(sets or ()), by_key=by_key)
        if countdown is not None and choice.by_key:
            raise UsageError("--in: is for a timeline; faults that are played by key have none")
        from scenarios import chaos_run  # noqa: PLC0415 (slow to import)
        from scenarios.chaos_screen import screen_for as chaos_screen  # noqa: PLC0415

        settings = chaos_run.ChaosSettings(language=lang, countdown_s=countdown, keys=not as_json)
        with chaos_screen(standard_console(), lang, as_json=as_json) as screen:
            code = chaos_run.run(
                choice, screen, settings, say=lambda line: typer.echo(line, err=True)
            )
    raise typer.Exit(code)


@app.command(epilog="Example: chatquake report runs/ws-blocked-1 --format html,md --lang ko")
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    *,
    formats: Annotated[
        str, typer.Option("--format", help="Some of html,md,junit,json,parquet; with commas.")
    ] = "html,md,junit,json,parquet",
    lang: Lang = "en",
) -> None:
    """Audit and render again, from a run directory alone; byte for byte the same."""
    with one_line_errors():
        from scenarios.rendering import parse_formats, render_again  # noqa: PLC0415 (slow)

        for path in render_again(run_dir, parse_formats(formats), lang):
            typer.echo(str(path))
        from scenarios.verdict_view import read_verdict, sentence  # noqa: PLC0415 (slow)

        if RunDir(run_dir).verdict.exists():
            typer.echo(sentence(read_verdict(run_dir)), err=True)


_STORY_EXAMPLES = """Example: chatquake story runs/ws-blocked-1 --user 3

\b
More:
  chatquake story runs/ws-blocked-1 --around 3f2a9c1e
  chatquake story runs/ws-blocked-1 --around 57 --user 3 --seconds 5
"""


@app.command(epilog=_STORY_EXAMPLES)
def story(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    *,
    user: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Whose: a number from 0, or a user_id (UUID)."),
    ] = None,
    around: Annotated[
        str | None,
        typer.Option(
            metavar="MESSAGE",
            help="Only about this message: its client_msg_id, the beginning of it, or a row id. "
            "Without --user as its author lived it.",
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(min=0, help="With --around: how much to tell before and after."),
    ] = 15.0,
    as_json: AsJson = False,
) -> None:
    """Tell one user's life in a run: what they did, what the network did, what they saw."""
    with one_line_errors():
        from reports.story.story import Asked, read_story  # noqa: PLC0415 (slow to import)
        from scenarios.story_view import print_story  # noqa: PLC0415 (slow to import)

        told = read_story(RunDir.open(run_dir), Asked(user, around, seconds))
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
        else:
            print_story(told, standard_console())


@app.command(epilog="Example: chatquake doctor --fetch")
def doctor(
    *,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch or build Toxiproxy if it is not here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is installed, the limits, and how many users this machine can hold.

    Exit code: 0, or 3 where something that a run needs is missing.
    """
    from scenarios import doctor as doctors  # noqa: PLC0415 (slow to import)

    def say(line: str) -> None:
        typer.echo(line, err=True)

    def toxiproxy() -> doctors.Finding:
        if fetch:
            return doctors.fetch_toxiproxy(os.environ, say)
        return doctors.look_for_toxiproxy(os.environ)

    found = doctors.examine(toxiproxy)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        standard_console().print(doctors.table(found))
        typer.echo(doctors.capacity_sentence(found.capacity))
    raise typer.Exit(0 if found.usable else 3)


def _look_at_size(users: int) -> None:
    """Refuse what does not fit; one line where the machine is smaller than the run.

    Raises :class:`UsageError`.
    """
    from scenarios import limits  # noqa: PLC0415 (slow to import)

    limits.raise_fd_limit()
    machine = limits.machine_here()
    limits.check_room(users, machine)
    fits = limits.capacity(machine)
    if users > fits.users:
        held = f"about {fits.users:,}: {fits.because}"
        text = f"{users:,} users are more than this machine holds ({held})"
        typer.echo(f"chatquake: {text}; the run may be invalid. See: chatquake doctor", err=True)


def print_end(
    ended: Finished | Failed | None, *, quiet: bool = False, twin: RedTwin | None = None
) -> None:
    """The last word of a run: its verdict from the run directory, or why there was no run.

    ``twin``: what the run was a red twin of, so that its red is judged too.
    """
    if isinstance(ended, Failed):
        typer.echo(f"chatquake: {ended.text}", err=True)
    elif isinstance(ended, Finished):
        from scenarios.verdict_view import read_verdict, twin_line, verdict_view  # noqa: PLC0415

        root = Path(ended.run_dir)
        verdict = read_verdict(root)
        view = verdict_view(verdict, root.absolute(), Path.cwd(), whole=not quiet)
        standard_console().print(view)
        if twin is not None:
            standard_console().print(twin_line(twin, verdict))


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors meant for the user as one line on stderr: 2 for his own, 3 for the rig's."""
    try:
        yield
    except UsageError as error:
        typer.echo(f"chatquake: {error}", err=True)
        raise typer.Exit(2) from None
    except ChatquakeError as error:
        typer.echo(f"chatquake: {error}", err=True)
        raise typer.Exit(3) from None
    except KeyboardInterrupt:
        typer.echo("chatquake: stopped at once", err=True)
        raise typer.Exit(130) from None


_MISTYPED = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""Click's ``UsageError``, wherever this Typer keeps its Click."""


def main() -> None:
    """The entry point of the ``chatquake`` command. A crash of our own is exit code 3: 1 would
    say that the chat did something wrong."""
    try:
        sys.exit(typer.main.get_command(app).main(standalone_mode=False, prog_name="chatquake"))
    except _MISTYPED as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        typer.echo(f"chatquake: {error.format_message()}{hint}", err=True)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - nothing above us can do better
        traceback.print_exc()
        typer.echo(f"chatquake: internal error: {error}", err=True)
        sys.exit(3)
