from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.entrypoints.console.visible_text import cut, lines, prose, wire

ESC = re.compile(r'<span class="esc">([^<]*)</span>')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/a/b?c=%2F", "/a/b?c=%2F"),
        ("/a\u202ecod.txt", '/a<span class="esc">\\u202e</span>cod.txt'),
        ("/a\x00\x1b[2Jb", '/a<span class="esc">\\x00\\x1b</span>[2Jb'),
        ("/\u0430dmin", '/<span class="esc">\\u0430</span>dmin'),  # Cyrillic, looks like a Latin letter
        ("/\U0001f600", '/<span class="esc">\\U0001f600</span>'),
        (b"/\xff\xfe".decode("utf-8", "surrogateescape"), '/<span class="esc">\\xff\\xfe</span>'),
        ("a b", "a b"),
        ("a  b ", 'a <span class="esc">\\x20</span>b<span class="esc">\\x20</span>'),
        (" ", '<span class="esc">\\x20</span>'),
        ("a\r\nx-admin: 1", 'a<span class="esc">\\x0d\\x0a</span>x-admin: 1'),
        ("<script>&\"'", "&lt;script&gt;&amp;&#34;&#39;"),
        ("", ""),
    ],
)
def test_wire_text_is_ascii_or_marked(text: str, shown: str) -> None:
    assert wire(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe, 東京, שלום", "Größe, 東京, שלום"),
        ("pay\u200bload", 'pay<span class="esc">\\u200b</span>load'),
        ("a\u2066b\u2069", 'a<span class="esc">\\u2066</span>b<span class="esc">\\u2069</span>'),
        ("a\nb", 'a<span class="esc">\\x0a</span>b'),
        ("a\u3164b", 'a<span class="esc">\\u3164</span>b'),
        ("a\u00a0b", 'a<span class="esc">\\u00a0</span>b'),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + '<span class="esc">\\u0301\\u0301</span>'),
        ("\ud800", '<span class="esc">\\ud800</span>'),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_prose_keeps_letters_and_marks_what_hides(text: str, shown: str) -> None:
    assert prose(text) == f"<bdi>{shown}</bdi>"


def test_lines_keep_line_breaks_and_nothing_else() -> None:
    assert lines("a\n\tb\r\x0b") == '<bdi>a\n\tb<span class="esc">\\x0d\\x0b</span></bdi>'


def test_a_cut_says_how_much_is_missing() -> None:
    assert cut(wire, "abcdef", 6) == "abcdef"
    assert cut(wire, "abcdef" * 1000, 2) == 'ab<span class="cut">… 5,998 more characters</span>'


@given(st.text(st.characters(codec=None), max_size=200))
def test_whatever_comes_in_nothing_invisible_comes_out(text: str) -> None:
    for show, allowed in ((wire, ""), (prose, ""), (lines, "\n\t")):
        html = str(show(text))
        html.encode()  # no lone surrogate is left
        bare = ESC.sub("", html)
        assert not [
            char for char in bare if unicodedata.category(char) in {"Cc", "Cf", "Cs"} and char not in allowed
        ]
        assert "<" not in bare.replace("<bdi>", "").replace("</bdi>", "")


@given(st.text(st.characters(codec=None), max_size=50), st.text(st.characters(codec=None), max_size=50))
def test_two_wire_texts_that_differ_look_different(one: str, other: str) -> None:
    assert (wire(one) == wire(other)) == (one == other)
