"""Keeping the client's own x-approval-* headers from the upstream."""

from __future__ import annotations

from dataclasses import replace

from authz.domain.answer import Forward
from authz.domain.reserved_headers import is_reserved, spoofed
from authz.services.check.call import CheckCall, Outcome


def stripped(call: CheckCall, outcome: Outcome) -> Outcome:
    """Remove every one of them, whoever allowed the request.

    Envoy removes after it sets, so a name of ours that we set must not be removed, not even where the policy says so
    to be safe from forged ones: setting overwrites every copy.
    """
    if not isinstance(outcome.answer, Forward):
        return outcome
    mutations = outcome.answer.mutations
    ours = {name for name, _ in mutations.headers if is_reserved(name)}
    removed = (*mutations.remove_headers, *spoofed(call.request))
    if not removed:
        return outcome
    kept = tuple(dict.fromkeys(name for name in removed if name.lower() not in ours))
    return replace(outcome, answer=Forward(replace(mutations, remove_headers=kept)))
