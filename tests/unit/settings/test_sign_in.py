from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.settings.test_settings import load, problems

ISSUER = "https://issuer.example"


def test_one_provider_and_one_client() -> None:
    found = load(oidc_issuer=ISSUER, oidc_client_id="holdgate", public_url="https://holdgate.example")
    assert (found.oidc_issuer, found.oidc_client_id) == (ISSUER, "holdgate")
    assert found.oidc_scopes == ("openid", "profile")
    assert (found.session_idle, found.session_lifetime) == (30 * 60_000, 8 * 3_600_000)


def test_the_secret_comes_from_a_file_and_is_in_no_text(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n", "utf-8")
    found = load(oidc_issuer=ISSUER, oidc_client_id="holdgate", oidc_client_secret_file=str(file))
    assert found.oidc_client_secret.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    "issuer",
    [
        "issuer.example",
        "http://issuer.example",
        "https://",
        "https://issuer.example?x=1",
        "https://issuer.example#x",
        "https://user:word@issuer.example",
        "ftp://issuer.example",
    ],
)
def test_an_issuer_that_nobody_could_trust_is_refused(issuer: str) -> None:
    [problem] = problems(oidc_issuer=issuer, oidc_client_id="holdgate")
    assert problem.startswith("HOLDGATE_OIDC_ISSUER: ")
    assert "word" not in problem.removesuffix("or password")


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers"])
def test_every_tenant_of_entra_at_once_is_no_issuer(tenant: str) -> None:
    [problem] = problems(
        oidc_issuer=f"https://login.microsoftonline.com/{tenant}/v2.0", oidc_client_id="holdgate"
    )
    assert "TENANT-ID" in problem


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:9000", "http://localhost:9000/realms/x", "http://[::1]:9"]
)
def test_a_provider_on_this_machine_needs_no_https(issuer: str) -> None:
    assert load(oidc_issuer=issuer, oidc_client_id="holdgate").oidc_issuer == issuer


def test_every_problem_is_named_at_once() -> None:
    unreachable = (
        "HOLDGATE_OIDC_ISSUER: HOLDGATE_PUBLIC_URL=http://holdgate.example is neither https:// nor on this machine; "
        "nobody can sign in there"
    )
    no_openid = "HOLDGATE_OIDC_SCOPES: openid must be among them: nothing else says who somebody is"
    both = problems(
        oidc_issuer=ISSUER,
        oidc_client_id="holdgate",
        oidc_scopes="profile",
        public_url="http://holdgate.example",
    )
    assert both == [unreachable, no_openid]
    assert problems(oidc_issuer=ISSUER) == [
        "HOLDGATE_OIDC_CLIENT_ID: needed beside HOLDGATE_OIDC_ISSUER: what the provider knows Holdgate as"
    ]
    assert problems(oidc_client_id="holdgate") == [
        "HOLDGATE_OIDC_CLIENT_ID: HOLDGATE_OIDC_ISSUER is needed beside it: the provider that knows this client"
    ]
