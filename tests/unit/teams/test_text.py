from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.adapters.cards import text as text_module
from authz.adapters.cards.text import many_lines, one_line
from tests.unit.teams.attacks import ATTACKS

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
LIMIT = 300


def hidden(text: str) -> list[str]:
    """Return the characters of a text that a reader would not see; an emoji's style is none."""
    blank = set("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f\u180b\u180c\u180d")
    return [
        character
        for before, character in zip(" " + text, text, strict=False)
        if unicodedata.category(character) in INVISIBLE
        or character in blank
        or (0xFE00 <= ord(character) <= 0xFE0F and unicodedata.category(before) != "So")
        or 0xE0100 <= ord(character) <= 0xE01EF
    ]


def problems(shown: str) -> list[str]:
    """Return what is wrong with a shown line, empty for nothing."""
    found = [f"hidden {character!r}" for character in hidden(shown)]
    if "{{" in shown:
        found.append("a macro")
    if len(shown) > LIMIT + len(text_module.CUT_MARK) + 10:
        found.append("too long")
    return found


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_nothing_hidden_obeyed_or_endless_is_left_in_a_line(attack: str) -> None:
    assert problems(one_line(attack, LIMIT)) == []


def test_the_corpus_shows_trouble_where_text_is_taken_as_it_is() -> None:
    """The control: with nothing done to the text, the same check finds most of the attacks."""
    found = [name for name, attack in ATTACKS.items() if problems(attack)]
    assert len(found) >= 25
    assert len(ATTACKS) >= 50


@given(ANY_TEXT)
def test_any_text_at_all_comes_out_visible_and_encodable(text: str) -> None:
    shown = one_line(text, LIMIT)
    assert problems(shown) == []
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_a_block_keeps_only_line_breaks(text: str) -> None:
    shown = many_lines(text, LIMIT)
    assert problems(shown.text.replace("\n", "")) == []
    assert len(shown.text) <= LIMIT


@given(st.text(st.characters(min_codepoint=33, max_codepoint=122), max_size=200))
def test_plain_text_is_shown_unchanged(text: str) -> None:
    assert one_line(text, LIMIT) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a[U+202E]b"),
        ("a\udcffb", "a[0xFF]b"),
        ("a\ud800b", "a[U+D800]b"),
        ("a\x00b", "a[U+0000]b"),
        ("one\r\ntwo\nthree\rfour", "one ↵ two ↵ three[U+000D]four"),
        ("{{DATE(x)}}", "{ {DATE(x)}}"),
        ("{{{{DATE(x)}}}}", "{ { { {DATE(x)}}}}"),
        ("a\u00a0b\u3000c", "a b c"),
        ("⚠\ufe0f a\ufe0f", "⚠\ufe0f a[U+FE0F]"),
        ("a\u0301\u0301\u0301\u0301\u0301", "a\u0301\u0301\u0301\u0301[U+0301]"),
        ("Zoë 李 عمر", "Zoë 李 عمر"),
        ("use hg1.k1.0-abcdefghijklmnopqrstuvwxyz." + "A" * 43 + " now", "use •••••• (masked) now"),
    ],
)
def test_what_was_there_can_still_be_told(text: str, shown: str) -> None:
    assert one_line(text, LIMIT) == shown


def test_a_cut_says_how_much_is_missing() -> None:
    assert one_line("x" * 310, 300) == "x" * 300 + "… [cut, see the page: 10 more characters]"
    assert one_line("x" * 300, 300) == "x" * 300


def test_a_cut_never_falls_inside_a_name_of_a_character() -> None:
    assert one_line("ab\u202ecd", 5) == "ab… [cut, see the page: 3 more characters]"


def test_a_block_counts_what_is_lost() -> None:
    shown = many_lines("one\n\ttwo\nthree", 8)
    assert (shown.text, shown.cut) == ("one\n  tw", 7)
