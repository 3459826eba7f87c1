from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authz.adapters.envoy_config.headers import reserved_patterns, reserved_prefixes
from authz.domain.reserved_headers import TICKET, is_reserved

NAMES = st.one_of(
    st.text("abticketx-_1", max_size=12).map(lambda tail: f"x-approval-{tail}"),
    st.text("-_", min_size=2, max_size=2).map(lambda marks: f"x{marks[0]}approval{marks[1]}ticket"),
    st.text("xaprovl-_ticke", max_size=24),
)


@given(NAMES)
@example(TICKET)
@example("x-approval-")
@example("x_approval_ticket")
@example("x-approval-tickets")
def test_envoy_strips_exactly_the_reserved_names_but_the_ticket(name: str) -> None:
    stripped = name.startswith(reserved_prefixes()) or any(
        re.fullmatch(pattern, name) for pattern in reserved_patterns()
    )
    assert stripped is (is_reserved(name) and name != TICKET)


@pytest.mark.parametrize("construct", ["(?=", "(?!", "(?<", "\\1"])
def test_the_patterns_have_nothing_that_re2_lacks(construct: str) -> None:
    assert not any(construct in pattern for pattern in reserved_patterns())
