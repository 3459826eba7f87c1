"""Which characters a reader can't see, which are drawn onto others, and which are odd spaces."""

from __future__ import annotations

import pytest

from authz.domain.hidden_characters import is_hidden, is_mark, is_wide_space


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\x7f",
        "\u200b",
        "\u202e",
        "\ue000",
        "\ud800",
        "\u2028",
        "\u2029",
        "\u3164",
        "\ufe0f",
        "\U000e0100",
    ],
    ids=ascii,
)
def test_what_draws_nothing_or_steers_others_is_hidden(character: str) -> None:
    assert is_hidden(character)


@pytest.mark.parametrize("character", ["a", " ", "\u3000", "\u0430", "\U0001f600", "\u0301"], ids=ascii)
def test_what_is_drawn_is_not_hidden(character: str) -> None:
    """A Cyrillic letter and a space of any width are drawn."""
    assert not is_hidden(character)


@pytest.mark.parametrize(
    ("character", "mark"), [("\u0301", True), ("\u20dd", True), ("a", False), ("\u0903", False)]
)
def test_a_mark_is_drawn_onto_the_letter_before(character: str, mark: bool) -> None:
    assert is_mark(character) is mark


@pytest.mark.parametrize(
    ("character", "wide"), [("\u3000", True), ("\xa0", True), ("\u2009", True), (" ", False), ("a", False)]
)
def test_any_space_but_the_plain_one_is_wide(character: str, wide: bool) -> None:
    assert is_wide_space(character) is wide
