from __future__ import annotations

from harness.server.realtime.filters.elixir_text import inspected, pretty


def test_values_look_as_elixir_prints_them() -> None:
    value = {"b": [1, None, True], "a": ("x", 'say "hi"\n\\ #{no} 안녕 \x01')}

    assert inspected(value) == (
        '%{"a" => {"x", "say \\"hi\\"\\n\\\\ \\#{no} 안녕 \\x01"}, "b" => [1, nil, true]}'
    )


def test_a_list_of_tuples_that_is_longer_than_a_line_has_one_a_line() -> None:
    pair = ("webinar_id", "eq", "1234567890", False)

    assert pretty([pair]) == '[{"webinar_id", "eq", "1234567890", false}]'
    assert pretty([pair, pair]) == (
        '[\n  {"webinar_id", "eq", "1234567890", false},'
        '\n  {"webinar_id", "eq", "1234567890", false}\n]'
    )


def test_other_lists_fill_their_lines() -> None:
    words = ["a" * 30, "b" * 30, "c" * 30]

    assert pretty(words) == f'["{words[0]}", "{words[1]}",\n "{words[2]}"]'
