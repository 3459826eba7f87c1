"""Several demands for one request, made into one requirement that is at least as strict as each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from authz.domain.requirement import Redeem, Requirement, Risk

_Item = TypeVar("_Item")


def combine(each: Sequence[Requirement]) -> Requirement:
    """Return the requirement that holds when all of these have to be satisfied (at least one is needed).

    Votes are shared. The shortest time, the fewest uses, the shortest window, the highest risk; every header that
    any of them binds, and only what all of them ignore may differ; a scope only where all have the same.
    """
    first = each[0]
    if len(each) == 1:
        return first
    scopes = {one.scope for one in each}
    reminders = [one.remind_after_ms for one in each if one.remind_after_ms]
    bound = [one for one in each if one.bind_body]
    return Requirement(
        demands=tuple(demand for one in each for demand in one.demands),
        expires_in_ms=min(one.expires_in_ms for one in each),
        uses=min(one.uses for one in each),
        valid_for_ms=min(one.valid_for_ms for one in each),
        scope=first.scope if len(scopes) == 1 else "",
        bind_headers=tuple(sorted({name for one in each for name in one.bind_headers})),
        bind_body=bool(bound),
        body_ignores=tuple(
            pointer
            for pointer in (bound[0].body_ignores if bound else ())
            if all(pointer in one.body_ignores for one in bound)
        ),
        notify=_unique(route for one in each for route in one.notify),
        cc=_unique(route for one in each for route in one.cc),
        remind_after_ms=min(reminders, default=0),
        escalations=_unique(escalation for one in each for escalation in one.escalations),
        risk=Risk.HIGH if any(one.risk is Risk.HIGH for one in each) else Risk.NORMAL,
        justification_required=any(one.justification_required for one in each),
        redeem=Redeem.REPEAT if all(one.redeem is Redeem.REPEAT for one in each) else Redeem.HEADER,
        wait_ms=min(one.wait_ms for one in each),
        show=_unique(line for one in each for line in one.show),
    )


def _unique(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))
