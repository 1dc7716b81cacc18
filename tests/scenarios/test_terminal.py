"""What a run shows while it goes on."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from scenarios.progress import Failed, Finished, Note, Phase, Progress, Tick
from scenarios.terminal import (
    NOTES_SHOWN,
    LiveScreen,
    PlainScreen,
    QuietScreen,
    View,
    advance,
    line_is_due,
    note_line,
    panel,
    plain_line,
    screen_for,
    users_bar,
    users_dark,
)


def tick(
    elapsed_s: float = 12.3,
    *,
    phase: Phase = "load",
    live: int = 30,
    fallback: int = 15,
    users_open: int = 50,
    faults: tuple[str, ...] = ("ws-blocked",),
) -> Tick:
    return Tick(
        phase=phase,
        elapsed_s=elapsed_s,
        left_s=32.7,
        users_open=users_open,
        users_live=live,
        users_fallback=fallback,
        sends=1_234,
        send_timeouts=3,
        deliveries=30_850,
        polls=77,
        faults=faults,
    )


def note(t_s: float, text: str = "ws-blocked begins") -> Note:
    return Note(t_s=t_s, level="fault", text=text)


def drawn(renderable: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def printed(screen_kind: type[PlainScreen], *progress: Progress) -> list[str]:
    file = io.StringIO()
    with screen_kind(Console(file=file, width=60), "ws-blocked: blocked") as screen:
        for each in progress:
            screen.show(each)
    return file.getvalue().splitlines()


def test_the_panel_says_phase_fault_users_and_counts_in_words() -> None:
    view = advance(View("ws-blocked"), tick())

    text = drawn(panel(advance(view, note(7.2))))

    for words in (
        "load  12 s, 33 s left",
        "fault on: ws-blocked",
        "30 live · 15 polling · 5 neither",
        "50 pages open",
        "1,234 sent",
        "3 timed out",
        "30,850 shown",
        "77 polls",
        "[  7.2s] fault: ws-blocked begins",
    ):
        assert words in text


def test_the_panel_stands_before_the_first_tick() -> None:
    assert "preparing" in drawn(panel(View("ws-blocked")))


def test_a_title_is_shown_as_it_is_not_as_markup() -> None:
    assert "[red]hot" in drawn(panel(View("[red]hot")))


def test_only_the_latest_notes_are_kept() -> None:
    view = View("x")
    for number in range(NOTES_SHOWN + 2):
        view = advance(view, note(number))

    assert [kept.t_s for kept in view.notes] == list(range(2, NOTES_SHOWN + 2))


def test_the_end_is_kept_for_the_caller() -> None:
    finished = Finished(run_dir="runs/1", exit_code=0)
    failed = Failed(exit_code=3, text="no Toxiproxy")

    assert advance(View("x"), finished).ended == finished
    assert advance(View("x"), failed).ended == failed


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(1, 80))
def test_the_bar_fills_its_width_and_shows_each_share(
    live: int, fallback: int, dark: int, width: int
) -> None:
    users = live + fallback + dark
    bar = users_bar(tick(live=live, fallback=fallback, users_open=users), width).plain

    counts = [bar.count(cell) for cell in "█▓░"]

    assert sum(counts) == (width if users else 0)
    for count, share in zip(counts, (live, fallback, dark), strict=True):
        assert abs(count - width * share / max(users, 1)) < 1


def test_nobody_is_dark_when_a_user_counts_in_two_states_for_a_moment() -> None:
    assert users_dark(tick(live=40, fallback=15, users_open=50)) == 0


def test_a_plain_line_has_everything_on_one_line() -> None:
    assert plain_line(tick()) == (
        "[ 12.3s] load: 30 live, 15 polling, 5 neither; 1234 sent, 3 timed out, 30850 shown, "
        "77 polls; 33 s left fault=ws-blocked"
    )


def test_an_error_says_so_in_a_word() -> None:
    assert note_line(Note(t_s=3, level="error", text="gone")) == "[  3.0s] error: gone"
    assert note_line(Note(t_s=3, level="info", text="ready")) == "[  3.0s] ready"


def test_a_line_is_due_every_five_seconds_and_when_the_phase_changes() -> None:
    assert line_is_due(None, tick(0.0))
    assert not line_is_due(tick(0.0), tick(4.9))
    assert line_is_due(tick(0.0), tick(5.0))
    assert line_is_due(tick(0.0), tick(0.5, phase="settling"))


def test_the_plain_screen_prints_the_title_due_lines_and_every_note() -> None:
    lines = printed(PlainScreen, tick(0), tick(2), note(3), note(3.5), tick(5.1), tick(6))

    assert lines == [
        "ws-blocked: blocked",
        plain_line(tick(0)),
        note_line(note(3)),
        note_line(note(3.5)),
        plain_line(tick(5.1)),
    ]


def test_a_note_with_brackets_is_printed_as_it_is() -> None:
    assert printed(PlainScreen, note(1, "[bold]x[/bold]"))[1].endswith("fault: [bold]x[/bold]")


def test_the_live_screen_draws_what_it_was_shown() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True, color_system=None)

    with LiveScreen(console, "ws-blocked") as screen:
        screen.show(tick())

    assert "15 polling" in file.getvalue()


def test_the_screen_suits_the_console() -> None:
    file = io.StringIO()

    assert isinstance(screen_for(Console(file=file), "x", quiet=False), PlainScreen)
    terminal = Console(file=file, force_terminal=True)
    assert isinstance(screen_for(terminal, "x", quiet=False), LiveScreen)
    assert isinstance(screen_for(terminal, "x", quiet=True), QuietScreen)


def test_a_quiet_screen_writes_nothing_and_keeps_the_end() -> None:
    with QuietScreen("x") as screen:
        screen.show(tick())
        screen.show(Finished(run_dir="runs/1", exit_code=0))

    assert screen.view.ended == Finished(run_dir="runs/1", exit_code=0)
