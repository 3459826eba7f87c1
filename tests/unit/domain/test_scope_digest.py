"""The digest that stands for all requests of a session."""

from __future__ import annotations

import itertools
from hashlib import sha256

from authz.domain.fingerprint import scope_digest
from authz.domain.identity import Identity

ALICE = Identity("https://idp.example", "alice-1")


def test_two_sessions_share_it_only_with_the_same_principal_rule_and_scope() -> None:
    digests = [
        scope_digest(Identity(ns, identifier), rule, scope)
        for ns, identifier, rule, scope in itertools.product(("a", "b"), repeat=4)
    ]
    assert len(set(digests)) == 16


def test_it_stays_as_it_is() -> None:
    """Open sessions are found by it after an upgrade: five values, each after its length, their number before them."""
    values = (b"scope", b"https://idp.example", b"alice-1", b"terraform", b"apply")
    encoded = b"".join(len(value).to_bytes(8, "big") + value for value in values)
    assert scope_digest(ALICE, "terraform", "apply") == sha256((5).to_bytes(8, "big") + encoded).hexdigest()
