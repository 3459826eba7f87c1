from __future__ import annotations

import pytest

from authz.domain.identity import Identity, Principal
from authz.domain.principal_source import PrincipalSource, parse_principal_source, verified_principal
from tests.support.gated_requests import ISSUER, NAMESPACE, gated, with_headers

JWT = parse_principal_source(f"metadata:{NAMESPACE}/jwt/sub")
PEER = parse_principal_source("source.principal")
POLICY = parse_principal_source("policy")


def claims(**fields: object) -> dict[str, object]:
    return {NAMESPACE: {"jwt": fields}}


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("source.principal", PrincipalSource("source.principal")),
        ("policy", PrincipalSource("policy")),
        ("metadata:ns/sub", PrincipalSource("metadata", "ns", ("sub",))),
        ("metadata:a.b.c/jwt/deep/oid", PrincipalSource("metadata", "a.b.c", ("jwt", "deep", "oid"))),
        ("metadata:a:b/urn:sub", PrincipalSource("metadata", "a:b", ("urn:sub",))),
    ],
)
def test_three_forms_are_known(text: str, source: PrincipalSource) -> None:
    """A peer's certificate, a verified claim, the policy."""
    assert parse_principal_source(text) == source


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "header:x-user",
            "x-user",
            "metadata",
            "metadata:",
            "metadata:ns",
            "metadata:ns/",
            "metadata:/sub",
        ),
        *("metadata:ns//sub", "Policy", "source.principal ", "source", "policy:x"),
    ],
)
def test_a_header_can_not_be_made_a_source(text: str) -> None:
    """The error names the entry and the three forms."""
    with pytest.raises(ValueError, match=r"source\.principal, metadata:NAMESPACE/CLAIM or policy") as refused:
        parse_principal_source(text)
    assert repr(text) in str(refused.value)


def test_a_spiffe_id_and_another_certificate_are_two_namespaces() -> None:
    """A subject that a public authority signed isn't a workload of ours."""
    spiffe = verified_principal(gated(source_principal="spiffe://prod/ci", claims={}), [PEER])
    other = verified_principal(gated(source_principal="CN=ci,O=prod", claims={}), [PEER])
    assert spiffe == Principal(Identity("spiffe", "spiffe://prod/ci"))
    assert other == Principal(Identity("x509", "CN=ci,O=prod"))


def test_a_claim_is_scoped_by_its_issuer() -> None:
    """`sub` means nothing without `iss` (OIDC Core section 2), nor `oid` without `tid` (Entra)."""
    assert verified_principal(gated(), [JWT]) == Principal(Identity(ISSUER, "alice-1"), "alice")
    entra = parse_principal_source(f"metadata:{NAMESPACE}/jwt/oid")
    found = verified_principal(gated(claims=claims(oid="o", tid="t", iss="i", sub="s")), [entra])
    assert found == Principal(Identity("t", "o"))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"sub": "alice"},
        {"iss": ISSUER},
        {"iss": ISSUER, "sub": ""},
        {"iss": "", "sub": "alice"},
        {"iss": ISSUER, "sub": 7},
        {"iss": ISSUER, "sub": True},
        {"iss": ISSUER, "sub": None},
        {"iss": ISSUER, "sub": ["alice"]},
        {"iss": ISSUER, "sub": {"a": "b"}},
        {"iss": ["x"], "sub": "alice"},
        {"iss": ISSUER, "sub": "a" * 513},
        {"iss": "i" * 513, "sub": "alice"},
    ],
)
def test_an_incomplete_or_odd_claim_is_nobody(fields: dict[str, object]) -> None:
    """Better nobody than somebody by half a key."""
    assert verified_principal(gated(claims=claims(**fields)), [JWT]) is None


def test_the_longest_id_is_somebody() -> None:
    """512 characters, and a longer name is only for showing."""
    found = verified_principal(gated(claims=claims(iss="i" * 512, sub="a" * 512, name="n" * 600)), [JWT])
    assert found == Principal(Identity("i" * 512, "a" * 512), "n" * 512)


@pytest.mark.parametrize("name", [None, 7, ["x"]])
def test_a_name_that_is_no_text_is_left_out(name: object) -> None:
    """It proves nothing anyway."""
    found = verified_principal(gated(claims=claims(iss=ISSUER, sub="alice-1", name=name)), [JWT])
    assert found == Principal(Identity(ISSUER, "alice-1"))


@pytest.mark.parametrize(
    "found", [{}, {NAMESPACE: "text"}, {NAMESPACE: {"jwt": "text"}}, {NAMESPACE: {"jwt": ["x"]}}]
)
def test_a_path_that_leads_nowhere_is_nobody(found: dict[str, object]) -> None:
    """Metadata has the shape that some filter gave it."""
    assert verified_principal(gated(claims=found), [JWT]) is None


def test_the_first_source_that_answers_is_taken() -> None:
    """In the order of the settings."""
    both = gated(source_principal="spiffe://prod/ci")
    assert verified_principal(both, [PEER, JWT]) == Principal(Identity("spiffe", "spiffe://prod/ci"))
    assert verified_principal(both, [JWT, PEER]) == Principal(Identity(ISSUER, "alice-1"), "alice")
    assert verified_principal(gated(), [PEER, JWT]) == Principal(Identity(ISSUER, "alice-1"), "alice")


def test_the_policy_is_not_asked_here() -> None:
    """It names somebody only after it has answered."""
    assert verified_principal(gated(), [POLICY]) is None


def test_no_header_makes_anybody() -> None:
    """Not even one that is called like a source."""
    forged = with_headers(
        gated(claims={}),
        *((name, b"alice-1") for name in ("sub", "source.principal", "x-user", "x-forwarded-user")),
    )
    assert verified_principal(forged, [PEER, JWT, POLICY]) is None


def test_an_identity_is_written_without_ambiguity() -> None:
    """Colons, commas, quotes and line breaks are percent-encoded, so no two identities look alike."""
    assert str(Identity("a:b", 'c,"d\r\n\u00e9')) == "a%3Ab:c%2C%22d%0D%0A%C3%A9"
    assert str(Identity("a", "b:c")) != str(Identity("a:b", "c"))
    assert str(Identity("a/b", "c/d")) == "a%2Fb:c%2Fd"


def test_a_claim_may_lie_as_deep_as_its_path_says() -> None:
    deep = parse_principal_source(f"metadata:{NAMESPACE}/jwt/act/who/sub")
    token = claims(act={"who": {"iss": ISSUER, "sub": "ci-1"}, "sub": "x"}, sub="y")
    assert verified_principal(gated(claims=token), [deep]) == Principal(Identity(ISSUER, "ci-1"))
    assert verified_principal(gated(claims=claims(act={"who": "ci-1"})), [deep]) is None
