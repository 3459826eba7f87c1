"""The paths on every gated host that are Holdgate's own, and never the upstream's."""

from __future__ import annotations

from typing import Final

RESERVED_PREFIX: Final = "/.holdgate/"
TICKETS_PREFIX: Final = RESERVED_PREFIX + "tickets/"
PROBLEMS_PREFIX: Final = RESERVED_PREFIX + "problems/"


def problem_path(slug: str) -> str:
    """The path of the page about a problem type."""
    return PROBLEMS_PREFIX + slug


def is_reserved_path(path: str) -> bool:
    """Say whether a raw path, without its query, is Holdgate's own.

    It is compared as it came, because Envoy routes by the very text that it shows: another spelling of a reserved path
    (`//.holdgate/`, `/%2eholdgate/`) is a path like any other, about which the policy decides.
    """
    return path.startswith(RESERVED_PREFIX) or path == RESERVED_PREFIX[:-1]
