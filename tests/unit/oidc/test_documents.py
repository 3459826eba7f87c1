"""What a provider says of itself is taken only where it is of use, and nothing that it says takes long or much."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

import httpx
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from authz.adapters.oidc import documents, fetch
from authz.adapters.oidc.fetch import ANSWER_MAX, provider_client
from authz.adapters.oidc.provider import OidcProvider
from authz.adapters.oidc.settings import OidcSettings
from authz.domain.errors import ProviderUnavailable
from tests.support.oidc_provider import Claims, Provider
from tests.support.served_console import address_of, loopback_socket, served

ISSUER = "https://issuer.example"
CONFIGURATION = "/.well-known/openid-configuration"
BACK = "https://holdgate.example/sign-in/back"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def double() -> Provider:
    return Provider(ISSUER, BACK, {"bob": {"sub": "bob"}}, lambda: 1_800_000_000)


@pytest.fixture
def oidc(double: Provider, clock: Clock) -> OidcProvider:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(double.app))
    settings = OidcSettings(issuer=ISSUER, client_id="holdgate", redirect_uri=BACK, timeout_s=5)
    return OidcProvider(settings, client, monotonic=clock, wall=lambda: 1_800_000_000)


async def begin(oidc: OidcProvider) -> str:
    return await oidc.authorization_url("state", "nonce", "v" * 43, anew=False)


def but(**changes: object) -> Callable[[Claims], Response]:
    """Return what answers with a changed document; None takes a member away."""

    def changed(document: Claims) -> Response:
        return JSONResponse({k: v for k, v in (document | changes).items() if v is not None})

    return changed


WRONG: dict[str, tuple[Callable[[Claims], Response], str]] = {
    "another issuer": (but(issuer="https://other.example"), "calls itself"),
    "the issuer with a slash": (but(issuer=f"{ISSUER}/"), "calls itself"),
    "no issuer": (but(issuer=None), "calls itself"),
    "no endpoint": (but(token_endpoint=None), "token_endpoint"),
    "an open endpoint": (but(token_endpoint="http://issuer.example/token"), "token_endpoint"),
    "another scheme": (but(authorization_endpoint="javascript:alert(1)"), "authorization_endpoint"),
    "open keys": (but(jwks_uri="http://issuer.example/keys"), "jwks_uri"),
    "shared secrets alone": (but(id_token_signing_alg_values_supported=["HS256", "none"]), "signs with none"),
    "not found": (lambda _: JSONResponse({}, 404), "answered 404"),
    "a failure": (lambda _: JSONResponse({}, 500), "answered 500"),
    "a page": (lambda _: PlainTextResponse("<html>"), "no JSON object"),
    "a list": (lambda _: JSONResponse([]), "no JSON object"),
    "elsewhere": (lambda _: RedirectResponse("https://evil.example"), "no JSON object"),
    "too much": (lambda _: PlainTextResponse("x" * (ANSWER_MAX + 1)), "more than"),
    "packed": (
        lambda _: Response(gzip.compress(b"{}"), headers={"content-encoding": "gzip"}),
        "compressed",
    ),
}


@pytest.mark.parametrize("what", WRONG)
async def test_documents_that_are_of_no_use_are_refused_with_what_is_wrong(
    oidc: OidcProvider, double: Provider, what: str
) -> None:
    double.documents[CONFIGURATION], told = WRONG[what]
    with pytest.raises(ProviderUnavailable, match=told):
        await begin(oidc)
    # The control, which also shows that nothing of it was kept: the document as it should be.
    double.documents.clear()
    assert (await begin(oidc)).startswith(f"{ISSUER}/authorize?")


async def test_without_the_bound_a_long_answer_is_read(
    oidc: OidcProvider, double: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the case above: it isn't refused for anything else."""
    double.documents[CONFIGURATION] = but(filler="x" * ANSWER_MAX)
    with pytest.raises(ProviderUnavailable, match="more than"):
        await begin(oidc)
    monkeypatch.setattr(fetch, "ANSWER_MAX", 2 * ANSWER_MAX)
    assert await begin(oidc)


async def test_documents_are_kept_for_an_hour(oidc: OidcProvider, double: Provider, clock: Clock) -> None:
    for _ in range(3):
        await begin(oidc)
    assert double.asked == [CONFIGURATION]
    clock.now += documents.KEPT_S
    await begin(oidc)
    assert double.asked == [CONFIGURATION] * 2


async def test_many_who_come_at_once_ask_once(oidc: OidcProvider, double: Provider) -> None:
    await asyncio.gather(*(begin(oidc) for _ in range(50)))
    assert double.asked == [CONFIGURATION]


async def test_a_provider_that_hangs_is_given_up_on() -> None:
    """On a real connection, which is accepted and never answered."""
    bound = loopback_socket()
    bound.listen()
    issuer = address_of(bound)
    settings = OidcSettings(issuer=issuer, client_id="holdgate", redirect_uri=BACK, timeout_s=0.2)
    async with provider_client(settings.timeout_s) as client:
        oidc = OidcProvider(settings, client, monotonic=Clock(), wall=Clock())
        with pytest.raises(ProviderUnavailable, match=r"no answer|Timeout"):
            await begin(oidc)
    bound.close()


async def test_over_a_real_connection_it_is_read(clock: Clock) -> None:
    """The control of the one above."""
    bound = loopback_socket()
    double = Provider(address_of(bound), BACK, {}, clock)
    settings = OidcSettings(issuer=double.issuer, client_id="holdgate", redirect_uri=BACK)
    async with served(double.app, bound), provider_client(settings.timeout_s) as client:
        assert await begin(OidcProvider(settings, client, monotonic=clock, wall=clock))


async def test_a_provider_that_is_not_there_is_named(clock: Clock) -> None:
    settings = OidcSettings(issuer="http://127.0.0.1:1", client_id="holdgate", redirect_uri=BACK)
    async with provider_client(1) as client:
        with pytest.raises(ProviderUnavailable, match=r"GET http://127\.0\.0\.1:1/"):
            await begin(OidcProvider(settings, client, monotonic=clock, wall=clock))
