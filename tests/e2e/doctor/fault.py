"""Ways to set up an Envoy wrongly, each a change of our own bootstrap, and the codes that name it.

Unit tests judge them as documents, end-to-end tests as what a real Envoy says it runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.envoy_config.stack import Document, manager, routes

EXT_AUTHZ = "envoy.filters.http.ext_authz"
_PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
FILTERS = "type.googleapis.com/envoy.extensions.filters.http"


@dataclass(frozen=True, slots=True)
class Fault:
    """`codes` are exactly those that the change adds to what is said of our own configuration."""

    name: str
    codes: frozenset[str]
    change: Callable[[Document], object]
    settings: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


FAULTS: list[Fault] = []


def fault(
    *codes: str, **settings: str
) -> Callable[[Callable[[Document], object]], Callable[[Document], object]]:
    """Enter a change into the list by its name."""

    def enter(change: Callable[[Document], object]) -> Callable[[Document], object]:
        FAULTS.append(Fault(change.__name__, frozenset(codes), change, settings))
        return change

    return enter


def per_route(**fields: Any) -> Document:  # noqa: ANN401 - protobuf JSON
    """Return `typed_per_filter_config` for ext_authz."""
    return {EXT_AUTHZ: {"@type": _PER_ROUTE, **fields}}


def add_route(document: Document, name: str, match: Document, **fields: Any) -> Document:  # noqa: ANN401 - as above
    """Put a gated route, hardened like ours, before ours that are gated."""
    added: Document = {
        "name": name,
        "match": match,
        "route": {"cluster": "upstream", "timeout": "0s"},
        "request_headers_to_remove": ["x-approval-ticket"],
        **fields,
    }
    ours = next(place for place, each in enumerate(routes(document)) if each["name"].startswith("gated"))
    routes(document).insert(ours, added)
    return added


def gated(document: Document) -> list[Document]:
    """Return every gated route of ours: those for clients that wait are the same as the others."""
    return [each for each in routes(document) if each["name"].startswith("gated")]


def add_filter(document: Document, name: str, config: Document, place: int) -> None:
    manager(document)["http_filters"].insert(place, {"name": name, "typed_config": config})


def listener(document: Document) -> Document:
    found: Document = document["static_resources"]["listeners"][0]
    return found
