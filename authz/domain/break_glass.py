"""Break-glass: a request that passes at once because a person in need may, and somebody has to look at it later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from authz.domain import policy_fields as read
from authz.domain.errors import PolicyMalformed
from authz.domain.identity import Principal
from authz.domain.limits import RequirementLimits
from authz.domain.ticket import Ending, FrozenRequest

DEFAULT_RULE = "break-glass"
_KEYS = frozenset({"break_glass", "rule", "reason", "notify", "cc", "show"})


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """A validated `approval.break_glass`: who may, and within which time (ms) somebody reviews it."""

    group: str
    review_within_ms: int
    rule: str
    reason: str
    notify: tuple[str, ...]
    cc: tuple[str, ...]
    show: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """What a use of break-glass leaves behind, before Redis stamped it. `person` is the directory's id."""

    id: str
    requester: Principal
    person: str
    break_glass: BreakGlass
    request: FrozenRequest
    payload_digest: str
    justification: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """The task to look at one use: open until `done_at`. Times are epoch ms by Redis; `due_at` passed is overdue."""

    draft: ReviewDraft
    used_at: int
    due_at: int
    done_at: int | None = None
    done_by: Ending | None = None

    @property
    def id(self) -> str:
        """The public id, of the form of a ticket's."""
        return self.draft.id


class BreakGlassParser:
    """Reads what stands beside `allowed: true` in a break-glass answer."""

    def __init__(self, limits: RequirementLimits, routes: frozenset[str], notify: str = "default") -> None:
        """`notify` is the route where the policy names none."""
        self._limits = limits
        self._routes = routes
        self._notify = notify

    def parse(self, approval: Mapping[str, object]) -> BreakGlass:
        """Return the validated terms. Raises PolicyMalformed."""
        read.only(approval, _KEYS, "approval")
        where = "approval.break_glass"
        terms = read.mapping(approval.get("break_glass"), where)
        read.only(terms, frozenset({"group", "review_within"}), where)
        group = read.text(terms.get("group"), f"{where}.group", self._limits.text)
        if not group:
            msg = f"{where}.group: '' must be a group's name"
            raise PolicyMalformed(msg)
        cc = read.array(approval.get("cc", []), "approval.cc", self._limits.routes)
        return BreakGlass(
            group=group,
            review_within_ms=read.duration(
                terms.get("review_within"), f"{where}.review_within", self._limits.review_within_ms
            ),
            rule=read.slug(approval.get("rule", DEFAULT_RULE), "approval.rule"),
            reason=read.text(approval.get("reason", ""), "approval.reason", self._limits.text),
            notify=(read.route(approval.get("notify", self._notify), self._routes, "approval.notify"),),
            cc=tuple(dict.fromkeys(read.route(route, self._routes, "approval.cc") for route in cc)),
            show=read.lines(approval.get("show", []), "approval.show", self._limits.show, self._limits.text),
        )
