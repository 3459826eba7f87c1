"""What a digest says, in our own words and numbers alone."""

from __future__ import annotations

from authz.adapters.cards.wording import moment
from authz.services.digest import Digest

BUTTON = "Open the list"


def digest_headline(digest: Digest) -> str:
    """Return how many wait."""
    if digest.moved:
        return "Counted further down"
    if digest.waiting == 0:
        return "None of these requests waits any more"
    if digest.waiting == 1:
        return "1 request waits for a decision"
    return f"{digest.waiting} requests wait for a decision"


def digest_text(digest: Digest) -> str:
    """Return why there is no card for each of them, and what to do."""
    if digest.moved:
        return "A newer message in this channel counts the requests that wait."
    came = f"{digest.total} came since {moment(digest.since)}, too many at once for a card each."
    if digest.waiting == 0:
        return f"{came} All of them are decided or over."
    return f"{came} The list has every one of them."


def list_link(public_url: str) -> str:
    """Return where the list of tickets is. The link locates and grants nothing."""
    return f"{public_url.rstrip('/')}/"
