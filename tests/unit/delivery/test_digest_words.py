"""A digest says how many wait, in our own words and numbers alone."""

from __future__ import annotations

import pytest

from authz.adapters.cards.digest_words import digest_headline, digest_text, list_link
from authz.adapters.teams.digest_card import digest_card
from authz.services.digest import Digest
from tests.support.sample_tickets import CREATED_AT


@pytest.mark.parametrize(
    ("waiting", "moved", "headline"),
    [
        (37, False, "37 requests wait for a decision"),
        (1, False, "1 request waits for a decision"),
        (0, False, "None of these requests waits any more"),
        (37, True, "Counted further down"),
    ],
)
def test_it_says_how_many_wait(waiting: int, moved: bool, headline: str) -> None:
    digest = Digest(waiting, 40, CREATED_AT, CREATED_AT + 1000, moved)
    assert digest_headline(digest) == headline
    assert ("40 came since 2023-11-14 22:13:20 UTC" in digest_text(digest)) is not moved
    card = digest_card(digest, "https://holdgate.example/")
    assert card["actions"][0]["url"] == list_link("https://holdgate.example") == "https://holdgate.example/"
    assert card["fallbackText"].startswith(headline)
