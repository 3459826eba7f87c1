"""The card that stands for many tickets and counts those that wait: our own words and numbers alone."""

from __future__ import annotations

from authz.adapters.cards.digest_words import BUTTON, digest_headline, digest_text, list_link
from authz.adapters.teams.elements import AdaptiveCard, Element, box, card, own_words
from authz.services.digest import Digest


def digest_card(digest: Digest, public_url: str) -> AdaptiveCard:
    """Return the card, with a button to the list."""
    link = list_link(public_url)
    headline = digest_headline(digest)
    open_still = digest.waiting > 0 and not digest.moved
    body: list[Element] = [
        box("warning" if open_still else "emphasis", own_words(headline, large=True)),
        own_words(digest_text(digest)),
    ]
    return card(f"{headline}: {link}", body, BUTTON, link)
