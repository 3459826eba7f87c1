"""How long and how many checks may stay open for a vote, and on which paths besides the clients' own wish."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from authz.adapters.envoy_config.limits import STREAM_IDLE_TIMEOUT, TICKET_STATUS_TIMEOUT

_PATH: Final = re.compile(r"/[\x21\x22\x24-\x3e\x40-\x7e]*", re.ASCII)
"""Printable ASCII without `?` and `#`: Envoy compares prefixes with the path alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPlan:
    """`longest` is in seconds, `waiters` is how many checks may stay open at once, over all worker processes.

    `prefixes` are paths whose rules wait although the client doesn't ask for it. They are compared as Envoy compares
    a route's `prefix`: `/deploy` is also the beginning of `/deployments`.
    """

    longest: float
    waiters: int
    prefixes: tuple[str, ...] = ()

    @property
    def status_timeout(self) -> float:
        """Seconds for the status of a ticket, for which a client may wait as well."""
        return self.longest + TICKET_STATUS_TIMEOUT

    def problems(self, check_timeout: float) -> list[str]:
        """Name everything that Envoy would accept and that is wrong all the same; `check_timeout` is in seconds."""
        found = []
        if self.waiters < 1:
            found.append(
                f"with {self.waiters} waiting checks at most, none could wait; leave waiting out instead"
            )
        after = max(check_timeout, TICKET_STATUS_TIMEOUT)
        if not 0 < self.longest < STREAM_IDLE_TIMEOUT - after:
            found.append(
                f"a longest wait of {self.longest:g} s is not between 0 and {STREAM_IDLE_TIMEOUT - after:g} s: with "
                f"the {after:g} s to answer after it, Envoy's stream_idle_timeout of {STREAM_IDLE_TIMEOUT:g} s would "
                "come first, and its 504 in place of the hold"
            )
        found += [
            f"{prefix!r} is not the beginning of a path: it has to begin with /, without ?, # and spaces"
            for prefix in self.prefixes
            if not _PATH.fullmatch(prefix)
        ]
        if len(set(self.prefixes)) != len(self.prefixes):
            found.append("a path prefix for waiting is listed twice")
        return found
