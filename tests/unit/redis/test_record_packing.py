"""Packed records come back as they were; damaged ones are an error and never half a record."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.adapters.redis import record_packing
from authz.adapters.redis.record_packing import packed, unpacked

LONG = b'{"v":2,"value":"' + b"abc" * 1000 + b'"}'


@given(st.binary(max_size=3000).map(lambda rest: b"{" + rest))
def test_what_was_packed_comes_back(record: bytes) -> None:
    assert unpacked(packed(record)) == record


def test_a_long_record_is_smaller_and_a_short_one_readable() -> None:
    assert len(packed(LONG)) < len(LONG) / 2
    assert packed(b'{"v":2}') == b'{"v":2}'


@pytest.mark.parametrize(
    "stored", [packed(LONG)[:-1], packed(LONG)[:20], b"x", b"xyz", packed(LONG)[:30] + b"\0" * 30]
)
def test_a_damaged_one_is_an_error(stored: bytes) -> None:
    with pytest.raises(ValueError, match="packed record"):
        unpacked(stored)


def test_a_small_stream_can_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_packing, "_MAX", 10_000)
    with pytest.raises(ValueError, match="too long"):
        unpacked(zlib.compress(b"{" + b" " * 100_000, 1))
