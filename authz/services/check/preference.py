"""Saying which preference of the client was honoured (Preference-Applied, RFC 7240 section 3)."""

from __future__ import annotations

import math
from dataclasses import replace

from authz.domain.answer import Forward, Respond
from authz.domain.header_mutation import Mutations
from authz.domain.prefer import PREFER, PREFERENCE_APPLIED, Preferences
from authz.services.check.call import Outcome


def asynchronous(outcome: Outcome, wanted: Preferences) -> Outcome:
    """Return the outcome as it is for who preferred not to wait."""
    return _saying(outcome, "respond-async") if wanted.respond_async and wanted.wait is None else outcome


def honoured(outcome: Outcome, wanted: Preferences, seconds: float) -> Outcome:
    """Return the outcome of a wait of up to `seconds`; the upstream gets the preferences that are left.

    A wait that only the rule wanted was no preference of the client's.
    """
    if wanted.wait is None:
        return outcome
    outcome = _saying(outcome, f"wait={math.floor(seconds)}")
    answer = outcome.answer
    if not isinstance(answer, Forward):
        return outcome
    return replace(outcome, answer=Forward(_without_ours(answer.mutations, wanted)))


def _without_ours(mutations: Mutations, wanted: Preferences) -> Mutations:
    """Take what was done already from the header that the upstream gets, unless the policy sets it."""
    others = ", ".join(wanted.others)
    if any(name.lower() == PREFER for name, _ in mutations.headers) or not others.isascii():
        return mutations
    if others:
        return replace(mutations, headers=(*mutations.headers, (PREFER, others)))
    return replace(mutations, remove_headers=(*mutations.remove_headers, PREFER))


def _saying(outcome: Outcome, applied: str) -> Outcome:
    answer = outcome.answer
    if isinstance(answer, Respond):
        told: Forward | Respond = replace(answer, headers=(*answer.headers, (PREFERENCE_APPLIED, applied)))
    else:
        shown = (*answer.mutations.response_headers, (PREFERENCE_APPLIED, applied))
        told = Forward(replace(answer.mutations, response_headers=shown))
    return replace(outcome, answer=told)
