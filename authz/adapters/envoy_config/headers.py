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

from authz.domain.reserved_headers import PREFIX, TICKET


def forged_header_pattern() -> str:
    """Return the RE2 pattern of all header names that only Holdgate may set.

    That is every `x-approval-*` but the ticket, with `-` or `_` between the words. RE2 has no negative lookahead,
    so "anything but the ticket's last word" is spelled out letter by letter.
    """
    word = TICKET.removeprefix(PREFIX)
    other_words = [f"{word[:end]}(?:[^{word[end]}].*)?" for end in range(len(word))]
    with_underscore = ["x_approval[-_].*", "x-approval_.*"]
    return "|".join([*with_underscore, *(f"{PREFIX}{other}" for other in other_words), f"{TICKET}.+"])


def early_header_mutation() -> TypedExtensionConfig:
    """Remove the client's copies of our headers and of Envoy's own, before any filter and before routing."""
    return TypedExtensionConfig(
        name="envoy.http.early_header_mutation.header_mutation",
        typed_config=Any.pack(
            HeaderMutation(
                mutations=[
                    _remove(StringMatcher(safe_regex=RegexMatcher(regex=forged_header_pattern()))),
                    _remove(StringMatcher(prefix="x-envoy-")),
                ]
            )
        ),
    )


def _remove(names: StringMatcher) -> Mutation:
    return Mutation(remove_on_match=HeaderMutationRemoveOnMatch(key_matcher=names))
