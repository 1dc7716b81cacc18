"""How a Locust process becomes part of a run: options, roles, and Locust's events.

``register`` is called once by ``locustfile.py``. The only process, or the master, gets a
:class:`Coordinator`; every process that carries users gets a :class:`Generator`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust.runners import LocalRunner, MasterRunner, WorkerRunner
from rich.console import Console

from harness.errors import ChatquakeError, UsageError
from harness.lifeline import on_stdin_eof
from harness.rundir import RunDir
from scenarios.coordinator import Coordinator, progress_pipe
from scenarios.generator import Assignment, Blocks, Generator, Status, die_with
from scenarios.model import Scenario, library_names, load_scenario
from scenarios.progress import Failed, Finished, Note, Progress, Tick
from scenarios.rundirs import default_run_dir
from scenarios.verdict_view import read_verdict, verdict_view

log = logging.getLogger("chatquake")


def register(events: Any) -> None:
    """Add Chatquake's options and hooks to Locust's ``events``."""
    events.init_command_line_parser.add_listener(_add_options)
    events.init.add_listener(_init)


def generator_of(environment: Any) -> Generator | None:
    """The generator of this process, for the users in it."""
    return getattr(environment, "chatquake_generator", None)


def _named(scenario: str | None) -> str:
    if scenario is None:
        library = ", ".join(library_names())
        raise UsageError(f"say what to run: --scenario NAME ({library}) or the path of a TOML file")
    return scenario


def _add_options(parser: Any) -> None:
    group = parser.add_argument_group("Chatquake")
    group.add_argument(
        "--scenario",
        default=None,
        help="a scenario's name (chatquake list) or the path of a TOML file",
    )
    group.add_argument("--seed", type=int, default=None, help="another seed than the scenario's")
    group.add_argument("--out", default=None, help="run directory (default: runs/<time>-<name>)")
    group.add_argument("--lang", choices=("en", "ko"), default="en", help="the report's language")
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a scenario key"
    )


def _init(environment: Any, runner: Any, **_: Any) -> None:
    if isinstance(runner, WorkerRunner):
        environment.process_exit_code = 0  # the master's verdict decides
        _carry_users(environment)
        gevent.spawn(die_with, os.getppid())
        return
    environment.process_exit_code = 3  # until a verdict says otherwise
    if os.environ.get("CHATQUAKE_LIFELINE"):
        on_stdin_eof(lambda: os._exit(3))
    if isinstance(runner, LocalRunner):
        _carry_users(environment)
    Run(environment).listen()


def _carry_users(environment: Any) -> None:
    runner = environment.runner

    def begin(environment: Any, msg: Any) -> None:
        assignment = msgspec.convert(msg.data, Assignment)
        local = isinstance(runner, LocalRunner)
        process = "load" if local else f"load-{runner.worker_index}"
        environment.chatquake_generator = Generator(process, assignment, environment)

    def leased(environment: Any, msg: Any) -> None:
        environment.chatquake_generator.leased(msg.data["index"])

    def finish(environment: Any, **_: Any) -> None:
        generator = generator_of(environment)
        if generator is not None:
            generator.finish()

    runner.register_message("chatquake.begin", begin)
    runner.register_message("chatquake.leased", leased)
    runner.register_message("chatquake.finish", finish)
    if isinstance(runner, WorkerRunner):
        environment.events.test_stop.add_listener(finish)


class Run:
    """The coordinating side of Locust's events: one coordinator for each test that is started."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._options = environment.parsed_options
        self._show: Callable[[Progress], None] = progress_pipe() or _log_progress
        self._coordinator: Coordinator | None = None

    def listen(self) -> None:
        """Take part in everything that follows."""
        for name, listener in (
            ("chatquake.lease", lambda msg: self._now.lease(msg.node_id)),
            ("chatquake.blocks", lambda msg: self._now.blocks(msgspec.convert(msg.data, Blocks))),
            ("chatquake.status", lambda msg: self._now.status(msgspec.convert(msg.data, Status))),
            ("chatquake.crash", lambda msg: self._now.crash(msg.data["text"], msg.data["trace"])),
        ):
            self._runner.register_message(name, _message(listener))
        events = self._environment.events
        events.test_start.add_listener(self._test_start)
        events.test_stop.add_listener(self._test_stop)
        events.quitting.add_listener(self._quitting)
        if self._options.headless:
            self._prepare_headless()

    @property
    def _now(self) -> Coordinator:
        assert self._coordinator is not None
        return self._coordinator

    def _prepare_headless(self) -> None:
        """Resolve and start the rig before Locust's own clock (``-t``) runs."""
        options = self._options
        try:
            scenario = load_scenario(
                _named(options.scenario),
                users=options.num_users,
                spawn_rate=options.spawn_rate,
                duration_s=float(options.run_time) if options.run_time else None,
                seed=options.seed,
                sets=tuple(options.set),
            )
            self._prepare(scenario)
        except ChatquakeError as error:
            self._give_up(error)
        except KeyboardInterrupt:
            self._show(Failed(exit_code=130, text="interrupted before the load began"))
            sys.exit(130)
        options.num_users = scenario.load.users
        options.spawn_rate = scenario.load.spawn_rate
        options.run_time = scenario.duration_s

    def _prepare(self, scenario: Scenario) -> None:
        for name in scenario.unused_policies:
            text = f"no cohort has the policy {name} of the scenario; it changes nothing"
            self._show(Note(t_s=0.0, level="info", text=text))
        out = self._options.out
        root = Path(out) if out else default_run_dir(scenario.name, scenario.variant)
        run = RunDir(root) if _is_prepared(root) else RunDir.create(root)
        self._coordinator = Coordinator(
            scenario,
            run,
            environment=self._environment,
            language=self._options.lang,
            show=self._show,
            stop=self._stop,
        )
        self._coordinator.prepare()

    def _give_up(self, error: ChatquakeError) -> None:
        code = 2 if isinstance(error, UsageError) else 3
        self._show(Failed(exit_code=code, text=str(error)))
        sys.exit(code)

    def _stop(self) -> None:
        if self._options.headless:
            self._runner.quit()
        else:
            self._runner.stop()

    def _test_start(self, **_: Any) -> None:
        if not self._options.headless:
            self._prepare_from_web()
        if self._coordinator is not None:
            master = isinstance(self._runner, MasterRunner)
            self._coordinator.begin(len(self._runner.clients) if master else 1)

    def _prepare_from_web(self) -> None:
        """The web UI's form decides users and spawn rate; the scenario everything else."""
        options = self._options
        try:
            scenario = load_scenario(
                _named(options.scenario),
                users=self._runner.target_user_count,
                spawn_rate=options.spawn_rate,
                seed=options.seed,
                sets=tuple(options.set),
            )
            self._prepare(scenario)
        except ChatquakeError as error:
            self._coordinator = None
            log.error("%s", error)
            gevent.spawn(self._runner.stop)
            return
        gevent.spawn_later(scenario.duration_s, self._runner.stop)

    def _test_stop(self, **_: Any) -> None:
        if self._coordinator is not None:
            self._coordinator.finish()
            self._environment.process_exit_code = self._coordinator.exit_code

    def _quitting(self, **_: Any) -> None:
        """Ctrl-C, SIGTERM, or the normal end (then the test has stopped before)."""
        if self._coordinator is not None:
            self._coordinator.interrupt("interrupted")
            self._runner.stop()
            self._test_stop()


def _is_prepared(root: Path) -> bool:
    """``chatquake run`` makes the directory itself and leaves its logs there."""
    return bool(os.environ.get("CHATQUAKE_PREPARED")) and root.is_dir()


def _message(listener: Callable[[Any], None]) -> Callable[..., None]:
    def on_message(msg: Any, **_: Any) -> None:
        listener(msg)

    return on_message


def _print_verdict(root: Path) -> None:
    view = verdict_view(read_verdict(root), root.absolute(), Path.cwd())
    Console().print(view, soft_wrap=True)


def _log_progress(progress: Progress) -> None:
    """For people who live in Locust: plain lines in its log."""
    match progress:
        case Tick():
            pass
        case Note(level="error", text=text):
            log.error("%s", text)
        case Note(text=text):
            log.info("%s", text)
        case Failed(text=text):
            log.error("%s", text)
        case Finished(run_dir=run_dir, exit_code=exit_code):
            _print_verdict(Path(run_dir))
            log.info("exit code %d", exit_code)
