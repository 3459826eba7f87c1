"""Which core runs what: the load on the first, the servers on the second, so that neither slows the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def usable() -> list[int]:
    """Return the cores that this process may use; empty where the system can't say, and so can't pin."""
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


_USABLE = usable()
LOAD = _USABLE[:1]
SERVERS = _USABLE[1:2]


@contextmanager
def on(cores: list[int]) -> Iterator[None]:
    """Let processes that are started within the block run on these cores only; anywhere where there are none."""
    if sys.platform != "linux" or not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
