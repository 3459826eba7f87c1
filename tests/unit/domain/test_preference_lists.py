"""How the header Prefer is taken apart: quoted strings, white space, and its length."""

from __future__ import annotations

import pytest

from authz.domain.prefer import Preferences, preferences


def test_a_comma_after_an_escaped_quote_is_inside_the_string_still() -> None:
    r"""`\"` doesn't end a quoted string (RFC 9110 section 5.6.4), and what follows an escape is one character."""
    hidden = r'note="a\", wait=10, b"'
    assert preferences([hidden.encode()]) == Preferences(others=(hidden,))
    ended = r'note="a\\", wait=10'
    assert preferences([ended.encode()]) == Preferences(10, others=(r'note="a\\"',))


def test_a_backslash_outside_a_string_escapes_nothing() -> None:
    assert preferences([b"a\\,wait=10"]) == Preferences(10, others=("a\\",))
    assert preferences([b'\\"a,wait=10"']).wait is None


def test_a_quote_opens_a_string_wherever_it_stands() -> None:
    assert preferences([b'",wait=10"']).wait is None
    assert preferences([b",wait=10"]).wait == 10


@pytest.mark.parametrize("space", [" ", "\t", " \t "])
def test_spaces_and_tabs_around_a_member_are_no_part_of_it(space: str) -> None:
    header = f"{space}wait=10{space},{space}other{space},{space}last=1{space}"
    assert preferences([header.encode()]) == Preferences(10, others=("other", "last=1"))


def test_other_characters_are_part_of_a_member() -> None:
    """Neither other white space nor a letter is cut off."""
    for odd in ("\x0b", "\xa0", "X"):
        header = f"{odd}a{odd},{odd}b{odd}"
        assert preferences([header.encode("latin-1")]).others == (f"{odd}a{odd}", f"{odd}b{odd}")


def test_the_longest_header_that_is_read_has_1024_characters() -> None:
    longest = b"wait=5, " + b"x" * 1016
    assert preferences([longest]).wait == 5
    assert preferences([longest + b"x"]).wait is None


def test_an_empty_word_is_no_time_to_wait() -> None:
    assert preferences([b'wait="", wait=5']).wait is None
