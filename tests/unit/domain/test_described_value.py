"""An error about a policy's result names words, and of anything else the type and size: it stands in a log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authz.domain import decision, described_value, policy_fields, requirement_parser, seats_parser
from authz.domain.approver import Approver, ApproverKind
from authz.domain.break_glass import BreakGlassParser
from authz.domain.decision import BreakGlassAllow, Hold, read_decision
from authz.domain.described_value import described
from authz.domain.errors import PolicyMalformed
from authz.domain.limits import RequirementLimits
from authz.domain.requirement_parser import RequirementDefaults, RequirementParser

ROUTES = frozenset({"default", "billing"})
SRE = Approver(ApproverKind.GROUP, group="sre")
SECRETS = (
    "Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl",
    "hg1.k1.0-aaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbb",
    "bob@example.com",
    "4012888888881881",
    "Bob, born 1.4.1980",
    4012888888881881,
    52.5200066,
)
MUTATING = {
    "allowed": True,
    "headers": {"x-user": "alice"},
    "response_headers_to_add": {"x-user": ["alice"]},
    "request_headers_to_remove": ["x-secret"],
    "query_parameters_to_set": {"q": "1"},
    "query_parameters_to_remove": ["p"],
    "dynamic_metadata": {"team": "a"},
    "requester": {"ns": "iss", "id": "alice-1", "name": "alice"},
}
DENYING = {"allowed": False, "http_status": 451, "body": "no", "headers": {"x-why": "freeze"}}
HOLDING = {
    "allowed": False,
    "http_status": 428,
    "approval": {
        "rule": "delete-production",
        "reason": "deletes",
        "approvers": {"one_of": [[{"group": "sre", "count": 2}], [{"user": {"ns": "iss", "id": "b"}}]]},
        "expires_in": "1h",
        "grant": {"uses": 3, "valid_for": "90s"},
        "bind": {"headers": ["x-tenant"], "body": {"ignore": ["/token"]}},
        "notify": "billing",
        "cc": ["default"],
        "remind_after": "10m",
        "escalate": {"after": "20m", "notify": "billing"},
        "risk": "normal",
        "justification": "required",
        "redeem": "header",
        "wait": "0s",
        "show": [{"title": "Cluster", "value": "prod"}],
    },
}
SESSION = {"allowed": False, "approval": {"rule": "tf", "grant": {"scope": "tf", "uses": 2}}}
BREAKING = {
    "allowed": True,
    "approval": {
        "break_glass": {"group": "leads", "review_within": "24h"},
        "rule": "emergency",
        "reason": "an incident",
        "notify": "billing",
        "cc": ["default"],
        "show": [{"title": "Incident", "value": "x"}],
    },
}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (None, "None"),
        (True, "True"),
        (0, "0"),
        (-1, "-1"),
        (2.0, "2.0"),
        (999_999, "999999"),
        (1_000_000, "a long number"),
        (-1_000_000, "a long number"),
        (1e300, "a long number"),
        (52.52, "a long number"),
        ("", "''"),
        ("hihg", "'hihg'"),
        ("30", "'30'"),
        ("-1h30m", "'-1h30m'"),
        (":path", "':path'"),
        ("Delete_Production", "'Delete_Production'"),
        ("a" * 32, f"'{'a' * 32}'"),
        ("a" * 33, "a string of 33 characters"),
        ("a1b2c3d4", "'a1b2c3d4'"),
        ("12345", "a string of 5 characters"),
        ("/", "a string of 1 character"),
        ("a b", "a string of 3 characters"),
        ("ä", "a string of 1 character"),
        ("a\n", "a string of 2 characters"),
        ([], "[]"),
        (["secret"], "an array of 1 entry"),
        ([1, 2], "an array of 2 entries"),
        ({}, "{}"),
        ({"secret": 1}, "an object of 1 key"),
        ({"a": 1, "b": 2}, "an object of 2 keys"),
        (b"secret", "a value of the type bytes"),
    ],
)
def test_words_are_named_and_of_the_rest_type_and_size(value: object, named: str) -> None:
    assert described(value) == named


def test_a_number_too_long_for_text_is_described_too() -> None:
    """Python refuses to write one of more than 4300 digits."""
    assert described(10**5000) == "a long number"


def obey(result: object) -> None:
    """Read a result as far as a check does."""
    verdict = read_decision(result).verdict
    if isinstance(verdict, Hold):
        RequirementParser(RequirementDefaults((SRE,)), RequirementLimits(), ROUTES).parse(verdict.demand)
    if isinstance(verdict, BreakGlassAllow):
        BreakGlassParser(RequirementLimits(), ROUTES).parse(verdict.approval)


def variants(value: object, secret: object) -> Iterator[object]:
    """Yield the document with the secret in each of its places in turn, and as one more key or entry there."""
    yield secret
    if isinstance(value, dict):
        yield {**value, str(secret): 1}
        for key, inner in value.items():
            yield from ({**value, key: changed} for changed in variants(inner, secret))
    if isinstance(value, list):
        yield [*value, secret]
        for i, inner in enumerate(value):
            yield from ([*value[:i], changed, *value[i + 1 :]] for changed in variants(inner, secret))


def errors_about(document: object, secret: object) -> list[str]:
    """Return the error about every variant that there is one about."""
    said = []
    for form in (secret, [secret], {"x": secret}):
        for changed in variants(document, form):
            try:
                obey(changed)
            except PolicyMalformed as error:
                said.append(str(error))
    return said


@pytest.mark.parametrize("document", [MUTATING, DENYING, HOLDING, SESSION, BREAKING])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_error_repeats_a_secret_wherever_a_policy_put_it(document: object, secret: object) -> None:
    """In the place of a value, as a key, or inside an array or object."""
    obey(document)
    said = errors_about(document, secret)
    assert len(said) > 10
    assert not [error for error in said if str(secret) in error]


def test_control_an_error_that_repeats_values_repeats_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (decision, policy_fields, requirement_parser, seats_parser):
        monkeypatch.setattr(module, described_value.described.__name__, repr)
    for document in (MUTATING, DENYING, HOLDING, SESSION, BREAKING):
        assert [error for error in errors_about(document, SECRETS[0]) if str(SECRETS[0]) in error]


def test_few_of_many_unknown_keys_are_named() -> None:
    with pytest.raises(PolicyMalformed) as malformed:
        policy_fields.only({f"key-{letter}": 1 for letter in "abcdefg"}, frozenset({"known"}), "approval")
    assert str(malformed.value) == (
        "approval: unknown ['key-a', 'key-b', 'key-c', 'key-d', 'key-e'] and 2 more; known are ['known']"
    )
