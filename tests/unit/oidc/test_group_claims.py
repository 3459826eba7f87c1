"""The groups that an ID token tells of, and the ways in which it doesn't."""

from __future__ import annotations

from typing import Any

import pytest

from authz.adapters.oidc.group_claims import GROUP_LENGTH_MAX, GROUPS_MAX, groups_of
from authz.domain.errors import SignInFailed


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({"groups": ["sre", "dev"]}, ("sre", "dev")),
        ({"groups": "sre"}, ("sre",)),
        ({"groups": []}, ()),
        ({}, ()),
        ({"roles": ["sre"]}, ()),
        ({"groups": ["sre"], "_claim_names": {"address": "src1"}}, ("sre",)),
    ],
)
def test_they_are_read_as_providers_write_them(claims: dict[str, Any], groups: tuple[str, ...]) -> None:
    assert groups_of(claims, "groups") == groups


@pytest.mark.parametrize(
    "claims",
    [
        {
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.example"}},
        },
        {"hasgroups": True},
    ],
)
def test_too_many_for_the_token_are_not_taken_for_none(claims: dict[str, Any]) -> None:
    with pytest.raises(SignInFailed, match="more groups than") as failed:
        groups_of(claims, "groups")
    assert failed.value.code == "groups-overage"


@pytest.mark.parametrize(
    "value",
    [
        7,
        {"sre": True},
        ["sre", 7],
        ["sre", ""],
        ["g" * (GROUP_LENGTH_MAX + 1)],
        ["g"] * (GROUPS_MAX + 1),
        None,
        [["sre"]],
    ],
)
def test_what_is_no_bounded_list_of_names_signs_nobody_in(value: object) -> None:
    with pytest.raises(SignInFailed) as failed:
        groups_of({"groups": value}, "groups")
    assert failed.value.code == "groups-invalid"
