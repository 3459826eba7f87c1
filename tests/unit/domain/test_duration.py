from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.domain.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("300ms", 300),
        ("1.5h", 5_400_000),
        ("2h45m", 9_900_000),
        ("1h15m30.918s", 4_530_918),
        ("10h", 36_000_000),
        ("1h10m10s", 4_210_000),
        ("3m30.5s", 210_500),
        (".5s", 500),
        ("1.s", 1000),
        ("1000us", 1),
        ("1000\u00b5s", 1),
        ("1000\u03bcs", 1),
        ("1000000ns", 1),
        ("0.5s500ms", 1000),
        ("2540400h", 9_145_440_000_000),
    ],
)
def test_what_go_takes_is_taken(text: str, milliseconds: int) -> None:
    """Every spelling of Go's time.ParseDuration but signs."""
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "s",
            ".s",
            "1",
            "30",
            "1 h",
            " 1h",
            "1h ",
            "1h\n",
            "1H",
            "1d",
            "1hm",
            "h1",
            "1..5s",
            "1,5s",
            "1e3s",
        ),
        *(
            "-1s",
            "+1s",
            "-0",
            "\u0661s",
            "\uff11s",
            "0x1s",
            "inf",
            "1h30",
            "999999999999h",
            "1" * 100_000 + "s",
        ),
    ],
)
def test_anything_else_is_refused_by_its_name(text: str) -> None:
    """The error repeats the text, but no page of it."""
    with pytest.raises(ValueError, match="is not a duration") as refused:
        parse_duration(text)
    assert repr(text)[:60] in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("text", ["1us", "1ns", "1.0001ms", "0.0001s", "1h0.1ms"])
def test_what_is_finer_than_a_millisecond_is_refused_rather_than_rounded(text: str) -> None:
    """A rounded-down timeout would be another one than was written."""
    with pytest.raises(ValueError, match=r"^'[0-9.a-z]+' is finer than a millisecond$"):
        parse_duration(text)
    with pytest.raises(ValueError, match=r"^a secret is finer than a millisecond$"):
        parse_duration(text, "a secret")


@given(st.integers(0, 9_000_000_000_000))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    """format_duration writes what parse_duration reads."""
    assert parse_duration(format_duration(milliseconds)) == milliseconds


@given(st.text(max_size=80))
def test_no_text_raises_anything_else(text: str) -> None:
    """A policy may say anything."""
    try:
        assert parse_duration(text) >= 0
    except ValueError as refused:
        assert "duration" in str(refused) or "millisecond" in str(refused)  # noqa: PT017 - both ways are right


def test_the_shortest_spelling_is_written() -> None:
    """Errors and docs show these."""
    shown = [format_duration(n) for n in (0, 150, 1500, 60_000, 5_400_000)]
    assert shown == ["0s", "150ms", "1s500ms", "1m", "1h30m"]


def test_the_longest_text_that_is_read_has_64_characters() -> None:
    """No duration that somebody means is longer, and an error needn't repeat one."""
    longest = f"{'1s' * 31}1m"
    assert parse_duration(longest) == 91_000
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(f"{longest}1s")


def test_the_longest_duration_is_gos() -> None:
    """2**63 - 1 nanoseconds, without those that are no whole millisecond."""
    assert parse_duration("2562047h47m16.854s") == 9_223_372_036_854
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration("2562047h47m16.855s")
