"""The message that stands for many tickets and counts those that wait: our own words and numbers alone."""

from __future__ import annotations

from authz.adapters.cards.digest_words import BUTTON, digest_headline, digest_text, list_link
from authz.adapters.slack.blocks import actions, header, link_button, words
from authz.adapters.slack.message import Message
from authz.services.digest import Digest


def digest_message(digest: Digest, public_url: str) -> Message:
    """Return the message, with a button to the list."""
    headline = digest_headline(digest)
    link = list_link(public_url)
    blocks = (header(headline), words(digest_text(digest)), actions(link_button(BUTTON, link)))
    return Message(f"{headline}: {link}", blocks)
