"""The header names that are Holdgate's own, on the way up and on the way back."""

from __future__ import annotations

from collections.abc import Iterable

from authz.domain.described_value import described
from authz.domain.errors import PolicyMalformed
from authz.domain.header_mutation import Mutations
from authz.domain.request import GatedRequest

TICKET = "x-approval-ticket"
APPROVAL_ID = "x-approval-id"
APPROVED_BY = "x-approval-by"
JUSTIFICATION = "x-approval-justification"
PREFIX = "x-approval-"
CLIENTS_OWN = (TICKET, JUSTIFICATION)
"""The reserved headers that clients send. Neither reaches the upstream."""

# Obeyed by Envoy's router from clients that it trusts (internal_address_config).
_REPEATING = ("x-envoy-retry-", "x-envoy-retriable-", "x-envoy-max-retries", "x-envoy-hedge-")
_TARGET = frozenset({":authority", ":method", ":path", ":scheme", "host"})


def is_reserved(name: str) -> bool:
    """Say whether a name is ours, in any spelling that a CGI or WSGI upstream folds into ours (`_` for `-`)."""
    return name.lower().replace("_", "-").startswith(PREFIX)


def carries_ticket(name: str) -> bool:
    """Say whether a header of this name holds a ticket, or was meant to: its value must not be logged."""
    return name.lower().replace("_", "-") == TICKET


def spoofed(request: GatedRequest) -> tuple[str, ...]:
    """Name every reserved header that the client sent, so that none of them reaches the upstream."""
    # Nearly no name has the word, and looking for it costs a fifth of looking closely.
    return tuple(sorted({name for name, _ in request.headers if "approval" in name and is_reserved(name)}))


def repeating(request: GatedRequest) -> tuple[str, ...]:
    """Name the client's headers that ask Envoy to send a request more than once: one use must be one hit."""
    return tuple(sorted({name for name, _ in request.headers if name.startswith(_REPEATING)}))


def refuse_reserved(mutations: Mutations) -> None:
    """Raise PolicyMalformed when a policy sets a reserved header: it could claim an approval that never was."""
    for name, _ in mutations.headers:
        if is_reserved(name):
            msg = f"headers: {described(name)} is Holdgate's own; choose a name that does not begin with {PREFIX}"
            raise PolicyMalformed(msg)


def refuse_rebinding(mutations: Mutations, bound: Iterable[str]) -> None:
    """Raise PolicyMalformed when a mutation would make another request of an approved one."""
    fixed = _TARGET | set(bound)
    touched = sorted(
        {name.lower() for name, _ in mutations.headers if name.lower() in fixed}
        | {name.lower() for name in mutations.remove_headers if name.lower() in fixed}
    )
    if mutations.set_query or mutations.remove_query:
        touched.append("query")
    if touched:
        msg = f"the policy changes {touched} on a redemption; what was approved is what must run"
        raise PolicyMalformed(msg)
