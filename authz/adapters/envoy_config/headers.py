"""Which of a client's own headers are removed before anything else looks at them."""

from __future__ import annotations

from envoy_data_plane.envoy.config.common.mutation_rules.v3 import (
    HeaderMutation as Mutation,
)
from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutationRemoveOnMatch
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.extensions.http.early_header_mutation.header_mutation.v3 import HeaderMutation
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher, StringMatcher
from envoy_data_plane.google.protobuf import Any

from authz.domain.reserved_headers import CLIENTS_OWN, PREFIX


def reserved_prefixes() -> tuple[str, ...]:
    """Return the spellings of our prefix that CGI and WSGI upstreams fold into it."""
    first, second, _ = PREFIX.split("-")
    return (f"{first}_{second}_", f"{first}_{second}-", f"{first}-{second}_")


def reserved_patterns() -> tuple[str, ...]:
    """Return RE2 patterns of every name that begins with our prefix, but for those that clients may send.

    RE2 has no negative lookahead, so "anything but ticket" is a stair: the word up to a letter, then another letter
    or the end. One pattern for all steps would be larger than Envoy before 1.40 accepts.
    """
    words = [name.removeprefix(PREFIX) for name in CLIENTS_OWN]
    following: dict[str, str] = {}
    for word in sorted(words):
        for end, letter in enumerate(word):
            following[word[:end]] = following.get(word[:end], "") + letter
    steps = (
        f"{PREFIX}{step}(?:[^{''.join(sorted(set(letters)))}].*)?" for step, letters in following.items()
    )
    return (*steps, *(f"{PREFIX}{word}.+" for word in words))


def early_header_mutation() -> TypedExtensionConfig:
    """Remove the client's copies of our headers and of Envoy's own, before any filter and before routing."""
    names = [
        *(StringMatcher(prefix=prefix) for prefix in reserved_prefixes()),
        *(StringMatcher(safe_regex=RegexMatcher(regex=pattern)) for pattern in reserved_patterns()),
        StringMatcher(prefix="x-envoy-"),
    ]
    return TypedExtensionConfig(
        name="envoy.http.early_header_mutation.header_mutation",
        typed_config=Any.pack(HeaderMutation(mutations=[_remove(matcher) for matcher in names])),
    )


def _remove(names: StringMatcher) -> Mutation:
    return Mutation(remove_on_match=HeaderMutationRemoveOnMatch(key_matcher=names))
