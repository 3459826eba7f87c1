from __future__ import annotations

import asyncio
from pathlib import Path

from authz.entrypoints.demo.child_log import ChildLog


async def copied(log: ChildLog, *chunks: bytes) -> None:
    stream = asyncio.StreamReader()
    copying = asyncio.create_task(log.copy(stream))
    for chunk in chunks:
        stream.feed_data(chunk)
        await asyncio.sleep(0)  # so that each chunk is read by itself
        await asyncio.sleep(0)
    stream.feed_eof()
    await copying


def sizes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_a_log_never_grows_beyond_its_limit_and_one_file_before_it(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "opa.log", limit=1000)
    await copied(log, *(b"%04d " % number * 60 + b"\n" for number in range(40)))
    sizes = sizes_in(tmp_path)
    assert sizes.keys() == {"opa.log", "opa.log.1"}
    assert all(0 < size <= 1000 for size in sizes.values()), sizes
    assert (tmp_path / "opa.log").read_text().splitlines()[-1].startswith("0039")


async def test_a_chunk_larger_than_the_limit_loses_its_beginning(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "opa.log", limit=100)
    await copied(log, b"x" * 5000 + b"the end")
    assert (tmp_path / "opa.log").stat().st_size <= 100
    assert (tmp_path / "opa.log").read_bytes().endswith(b"the end")


async def test_the_last_lines_are_printable_and_short(tmp_path: Path) -> None:
    log = ChildLog(tmp_path / "opa.log")
    await copied(log, b"first\n\n\x1b[31mred\x1b[0m \xff\n" + b"y" * 500 + b"\nlast\n")
    assert log.last_lines(count=3, width=20) == [
        " [31mred [0m \N{REPLACEMENT CHARACTER}",
        "y" * 19 + "…",
        "last",
    ]
