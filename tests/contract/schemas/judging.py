"""The published schema and Holdgate's own reading, asked about the same document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import jsonschema
from jsonschema import validators
from jsonschema.exceptions import ValidationError

from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import BreakGlassParser
from authz.domain.decision import BreakGlassAllow, Hold, read_decision
from authz.domain.errors import PolicyMalformed
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser
from authz.entrypoints.cli.schema import schema_text

ROUTES: Final = ("default", "prod-changes", "sre-leads")
_SRE: Final = Approver(ApproverKind.GROUP, group="sre")

# What no schema can say: where it stands in the schema's descriptions, what Holdgate answers, and an example.
DIFFERENCES: Final[Mapping[str, tuple[str, object]]] = {
    "a whole number is written without a fraction": (
        r"must be a whole number from 1 to",
        {"rule": "r", "grant": {"uses": 1.0}},
    ),
    "a status is written without a fraction": (
        r"must be a whole number, written as one",
        {"allowed": False, "http_status": 403.0},
    ),
    "a duration has bounds": (
        r"must be (more than|at least) 0s and at most",
        {"rule": "r", "expires_in": "169h"},
    ),
    "a duration is whole milliseconds": (
        r"is finer than a millisecond",
        {"rule": "r", "expires_in": "1ns"},
    ),
    "a duration is at most what Go can hold": (
        r"is not a duration; write it as Go does",
        {"rule": "r", "expires_in": "999999999999h"},
    ),
    "all seats of a list are bounded together": (
        r"\d+ approvals are demanded; 20 is the limit",
        {"rule": "r", "approvers": [{"group": "a", "count": 20}, {"any": True}]},
    ),
    "a header of Holdgate's own can't be bound": (
        r"is Holdgate's own and differs on every retry",
        {"rule": "r", "bind": {"headers": ["X_Approval-By"]}},
    ),
    "a route is set up": (
        r"is no route in the settings",
        {"rule": "r", "notify": "nowhere"},
    ),
}


def _pattern(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    """Search as ECMA 262 does, which is what JSON Schema means: `$` is the end and not the line before it."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator: Final = validators.extend(  # type: ignore[no-untyped-call]  # the library has no types for it
    jsonschema.Draft202012Validator, {"pattern": _pattern}
)
_PARSER: Final = RequirementParser(
    RequirementDefaults(approvers=(_SRE,)), RequirementLimits(), frozenset(ROUTES)
)
_BREAK_GLASS_PARSER: Final = BreakGlassParser(RequirementLimits(), frozenset(ROUTES))


def schema(name: str, definition: str = "") -> dict[str, Any]:
    """Return a published schema, or one of its definitions as a schema of its own."""
    whole: dict[str, Any] = json.loads(schema_text(name))
    return {"$ref": f"#/$defs/{definition}", "$defs": whole["$defs"]} if definition else whole


def judge(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - made by a library without types
    """Return the schema's validator."""
    return _Validator(schema)


def read_demand(approval: object) -> object:
    """Read what stands beside `allowed: false`. Raises PolicyMalformed."""
    return _PARSER.parse(approval)


def read_break_glass(approval: object) -> object:
    """Read what stands beside `allowed: true`. Raises PolicyMalformed."""
    if not isinstance(approval, Mapping):
        raise PolicyMalformed("approval must be an object")
    return _BREAK_GLASS_PARSER.parse(approval)


def read_result(result: object) -> object:
    """Read a whole result document. Raises PolicyMalformed."""
    decision = read_decision(result)
    match decision.verdict:
        case Hold(demand=demand):
            return read_demand(demand)
        case BreakGlassAllow(approval=approval):
            return read_break_glass(approval)
        case _:
            return decision


def disagreement(document: object, published: Any, read: Callable[[object], object]) -> str | None:  # noqa: ANN401 - as above
    """Return in which way the two disagree on a document, beyond the listed differences; None when they don't."""
    taken = published.is_valid(document)
    try:
        read(document)
    except PolicyMalformed as error:
        if taken and not any(re.search(said, str(error)) for said, _ in DIFFERENCES.values()):
            return f"the schema takes what Holdgate refuses: {error}"
        return None
    return None if taken else "Holdgate takes what the schema refuses"
