"""For whom quotas count, as words of a fixed width, whatever an identity or a rule's name contains."""

from __future__ import annotations

from hashlib import sha256

from authz.domain.identity import Identity

EVERYBODY = "all"


def identity_word(identity: Identity) -> str:
    """Return the word for one identity."""
    ns, name = (text.encode("utf-8", "surrogatepass") for text in (identity.ns, identity.id))
    return sha256(b"%d:%b%b" % (len(ns), ns, name)).hexdigest()


def kind_word(kind: str, text: str) -> str:
    """Return a word that no identity and no other kind of text has."""
    return f"{kind}-{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
