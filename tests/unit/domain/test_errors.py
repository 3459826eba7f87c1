from __future__ import annotations

import re

from authz.domain import errors


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """Every error, below the one that it is a kind of."""
    drawn: dict[str, int] = {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"([\u2502\u251c\u2514\u2500 ]*)([A-Z]\w+)(?: {2,}|$)", line):
            drawn[found[2]] = len(found[1])
    tree = {
        name: len(kind.__mro__) - len(errors.HoldgateError.__mro__)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.HoldgateError)
    }
    assert {name: depth // 4 for name, depth in drawn.items()} == tree


def test_what_is_unavailable_names_its_dependency() -> None:
    """A word for metrics and logs."""
    kinds = (errors.PolicyUnavailable, errors.StoreUnavailable, errors.Overloaded)
    assert [kind.dependency for kind in kinds] == ["opa", "redis", "holdgate"]


def test_errors_carry_what_programs_ask_and_say_it_to_people() -> None:
    hidden = errors.BytesHidden("header:x-tenant")
    assert hidden.part == "header:x-tenant"
    assert str(hidden) == (
        "header:x-tenant contains '!', which may hide bytes outside UTF-8; "
        "set encode_raw_headers: true on Envoy's ext_authz filter"
    )
    missing = errors.JustificationMissing("delete-production")
    assert (missing.rule, str(missing)) == (
        "delete-production",
        "rule delete-production wants x-approval-justification",
    )
    for kind in (errors.TooManyTickets, errors.BreakGlassExhausted):
        full = kind("requester", 20)
        assert (full.scope, full.limit, full.retry_after_s) == ("requester", 20, 30)
        assert str(full) == "20 is the limit (requester)"
    refused = errors.VoteRefused("own-request", "You asked for this yourself.")
    assert (refused.code, str(refused)) == ("own-request", "You asked for this yourself.")


def test_every_problem_of_the_settings_has_a_line() -> None:
    invalid = errors.SettingsInvalid(["HOLDGATE_ONE: is not a number", "HOLDGATE_TWO: is missing"])
    assert invalid.problems == ["HOLDGATE_ONE: is not a number", "HOLDGATE_TWO: is missing"]
    assert str(invalid).splitlines() == invalid.problems
