"""TCP ports that nothing on this machine uses."""

from __future__ import annotations

import random
import socket
from typing import Final

# Below the ranges from which kernels pick ports for outgoing connections, so that none of those takes one meanwhile.
_RANGE: Final = range(20_000, 32_000)
_ATTEMPTS: Final = 200
_given: Final[set[int]] = set()


def free_port() -> int:
    """Return a port that could be bound on 127.0.0.1 just now and that this process wasn't given before."""
    for _ in range(_ATTEMPTS):
        port = random.choice(_RANGE)  # noqa: S311 - spreads parallel test processes, hides nothing
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
