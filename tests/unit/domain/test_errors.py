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
