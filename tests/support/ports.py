"""TCP ports that nothing on this machine uses."""

from __future__ import annotations

import os
import random
import socket
from typing import Final

# Below the ranges from which kernels pick ports for outgoing connections, so that none of those takes one meanwhile.
# Parallel test processes (pytest-xdist's gw0, gw1, …) each have a part of their own.
_SHARE: Final = 3_000
_PART: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_RANGE: Final = range(20_000 + _PART * _SHARE, 20_000 + (_PART + 1) * _SHARE)
_ATTEMPTS: Final = 200
# Of its own, because Hypothesis sets the common one to the same start in every process.
_CHANCE: Final = random.SystemRandom()
_given: Final[set[int]] = set()


def free_port() -> int:
    """Return a port that could be bound on 127.0.0.1 just now and that this process wasn't given before."""
    for _ in range(_ATTEMPTS):
        port = _CHANCE.choice(_RANGE)
        if port not in _given and _can_bind(port):
            _given.add(port)
            return port
    raise RuntimeError(
        f"no free port among {_ATTEMPTS} tries in {_RANGE.start}-{_RANGE.stop - 1} of 127.0.0.1"
    )


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
