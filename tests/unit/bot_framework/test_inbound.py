"""Every row of the list of checks refuses by itself: without it, the very same request is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx
import orjson
import pytest
from joserfc import jws

from authz.adapters.bot_framework import checks, inbound
from authz.adapters.bot_framework.checks import Check
from authz.adapters.bot_framework.inbound import InboundTokens
from authz.adapters.bot_framework.refusal import ActivityMalformed, ActivityRefused
from authz.adapters.bot_framework.signing_keys import SigningKey, SigningKeys
from tests.support.bot_framework_server import BotFramework
from tests.support.bot_framework_tokens import (
    FORGERIES,
    ISSUER,
    Forgery,
    VendorKey,
    cached_key,
)
from tests.unit.bot_framework.conftest import Clock, Sender

Patch = pytest.MonkeyPatch
Taken = Callable[[Patch, BotFramework], None]


def without(check: Check) -> Taken:
    def take_out(patch: Patch, _vendor: BotFramework) -> None:
        patch.setattr(checks, "PROOF", tuple(one for one in checks.PROOF if one is not check))

    return take_out


def without_the_scheme(patch: Patch, _vendor: BotFramework) -> None:
    patch.setattr(inbound, "_bearer", lambda authorization: str(authorization).split(" ")[1])


def without_the_algorithm(patch: Patch, _vendor: BotFramework) -> None:
    patch.setattr(inbound, "ALGORITHMS", ("RS256", "RS384"))


def without_the_signature(patch: Patch, _vendor: BotFramework) -> None:
    def believed(token: str, _signing: SigningKey) -> Mapping[str, object]:
        claims: Mapping[str, object] = orjson.loads(jws.extract_compact(token.encode()).payload)
        return claims

    patch.setattr(inbound, "signed_claims", believed)


def without_any_proof(patch: Patch, vendor: BotFramework) -> None:
    async def believed(_self: InboundTokens, _token: str) -> tuple[Mapping[str, object], frozenset[str]]:
        now = vendor.clock()
        claims = {
            "iss": ISSUER,
            "aud": vendor.app_id,
            "exp": now + 1,
            "serviceurl": vendor.service_url,
        }
        return claims, frozenset({"msteams"})

    patch.setattr(InboundTokens, "_proven", believed)
    patch.setattr(inbound, "_bearer", str)


def with_the_forgers_key(_patch: Patch, vendor: BotFramework) -> None:
    vendor.keys.append(VendorKey(cached_key("forger")))


def with_any_name_for_the_key(patch: Patch, vendor: BotFramework) -> None:
    async def found(_self: SigningKeys, _kid: str) -> SigningKey:
        return SigningKey(vendor.keys[-1].key, frozenset({"msteams"}))

    patch.setattr(SigningKeys, "find", found)


ROWS: dict[str, tuple[str, Taken]] = {
    "no token": ("token-missing", without_any_proof),
    "another scheme": ("token-malformed", without_the_scheme),
    "no JWT": ("token-malformed", without_any_proof),
    "not signed": ("wrong-signature", without_the_signature),
    "another algorithm": ("wrong-algorithm", without_the_algorithm),
    "another issuer": ("wrong-issuer", without(checks.check_issuer)),
    "no issuer": ("wrong-issuer", without(checks.check_issuer)),
    "another bot's": ("wrong-audience", without(checks.check_audience)),
    "no audience": ("wrong-audience", without(checks.check_audience)),
    "several bots'": ("wrong-audience", without(checks.check_audience)),
    "expired": ("expired", without(checks.check_times)),
    "without end": ("expired", without(checks.check_times)),
    "of later": ("not-yet-valid", without(checks.check_times)),
    "no serviceurl claim": ("service-url-mismatch", without(checks.check_service_url)),
    "no serviceUrl in the body": ("service-url-missing", without(checks.check_service_url)),
    "another serviceUrl in the body": ("service-url-mismatch", without(checks.check_service_url)),
    "a key that the vendor hasn't": ("key-unknown", with_the_forgers_key),
    "a key under the vendor's name": ("wrong-signature", without_the_signature),
    "no name of the key": ("key-unknown", with_any_name_for_the_key),
    "another channel's key": ("not-endorsed", without(checks.check_endorsement)),
    "another channel": ("wrong-channel", without(checks.check_channel)),
    "a foreign tenant": ("foreign-tenant", without(checks.check_tenant)),
    "a foreign conversation": ("foreign-tenant", without(checks.check_tenant)),
    "foreign channel data": ("foreign-tenant", without(checks.check_tenant)),
    "no tenant": ("foreign-tenant", without(checks.check_tenant)),
}


async def test_what_the_vendor_sends_is_taken(sender: Sender, tokens: InboundTokens) -> None:
    await sender.send(tokens)


def test_every_forgery_has_a_row() -> None:
    assert set(ROWS) == set(FORGERIES)


@pytest.mark.parametrize("name", ROWS)
async def test_a_forgery_is_refused(sender: Sender, tokens: InboundTokens, name: str) -> None:
    with pytest.raises(ActivityRefused) as refused:
        await sender.send(tokens, FORGERIES[name])
    assert refused.value.code == ROWS[name][0]


@pytest.mark.parametrize("name", ROWS)
async def test_without_that_check_it_would_be_taken(
    vendor: BotFramework, sender: Sender, tokens: InboundTokens, monkeypatch: Patch, name: str
) -> None:
    """The control of the test above."""
    ROWS[name][1](monkeypatch, vendor)
    await sender.send(tokens, FORGERIES[name])


@pytest.mark.parametrize("seconds", [299, -3600 - 299])
async def test_clocks_may_be_five_minutes_apart(sender: Sender, tokens: InboundTokens, seconds: int) -> None:
    await sender.send(tokens, Forgery(later=seconds))


@pytest.mark.parametrize(
    "claims",
    [{"exp": float("nan")}, {"exp": "4102444800"}, {"exp": True}, {"nbf": float("nan")}, {"nbf": "0"}],
)
async def test_a_time_that_is_no_number_is_no_time(
    sender: Sender, tokens: InboundTokens, claims: dict[str, object]
) -> None:
    with pytest.raises(ActivityRefused) as refused:
        await sender.send(tokens, Forgery(claims=claims))
    assert refused.value.code in {"expired", "not-yet-valid"}


async def test_the_tenant_may_be_written_in_capitals(
    vendor: BotFramework, sender: Sender, client: httpx.AsyncClient, clock: Clock
) -> None:
    settings = replace(vendor.settings(), tenant_id=vendor.tenant.upper())
    await sender.send(InboundTokens(settings, client, wall=clock, monotonic=clock))


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer  a.b.c", "bearer a.b.c", "Bearer a.b.c x", "Bearer é.b.c"]
)
async def test_a_header_that_is_no_token_costs_no_question(
    vendor: BotFramework, tokens: InboundTokens, authorization: str
) -> None:
    with pytest.raises(ActivityRefused) as refused:
        await tokens.verify(authorization, {})
    assert refused.value.code == "token-malformed"
    assert vendor.asked == []


async def test_a_token_is_read_no_further_than_its_bound(vendor: BotFramework, tokens: InboundTokens) -> None:
    with pytest.raises(ActivityRefused, match="at most"):
        await tokens.verify("Bearer " + "a" * inbound.TOKEN_MAX, {})
    assert vendor.asked == []


async def test_a_body_that_is_no_activity_is_told_apart(tokens: InboundTokens) -> None:
    with pytest.raises(ActivityMalformed):
        await tokens.receive(None, b"[]")


async def test_no_refusal_says_what_was_sent(sender: Sender, tokens: InboundTokens) -> None:
    for forgery in FORGERIES.values():
        headers, _ = sender.teams.signed(sender.activity(), forgery)
        with pytest.raises(ActivityRefused) as refused:
            await sender.send(tokens, forgery)
        token = headers.get("authorization", "nothing").rpartition(" ")[2]
        assert token not in str(refused.value)
        assert "collector.example" not in str(refused.value)


# --- a client without tokens, on this machine ---


@pytest.fixture
def unguarded(vendor: BotFramework, client: httpx.AsyncClient, clock: Clock) -> InboundTokens:
    settings = replace(vendor.settings(), allow_unauthenticated_loopback=True)
    return InboundTokens(settings, client, wall=clock, monotonic=clock)


async def test_without_a_token_only_a_service_on_this_machine_is_believed(
    sender: Sender, unguarded: InboundTokens
) -> None:
    forgery = FORGERIES["no token"]
    await sender.send(unguarded, forgery)
    with pytest.raises(ActivityRefused, match="on this machine"):
        await sender.send(
            unguarded, replace(forgery, activity=FORGERIES["another serviceUrl in the body"].activity)
        )
    with pytest.raises(ActivityRefused, match="on this machine"):
        await sender.send(
            unguarded, replace(forgery, activity=FORGERIES["no serviceUrl in the body"].activity)
        )
    for name in ("a foreign tenant", "another channel"):
        with pytest.raises(ActivityRefused):
            await sender.send(unguarded, replace(forgery, activity=FORGERIES[name].activity))


async def test_without_that_check_any_service_would_be_believed(
    sender: Sender, unguarded: InboundTokens, monkeypatch: Patch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(inbound, "is_on_this_machine", lambda _service_url: True)
    elsewhere = FORGERIES["another serviceUrl in the body"].activity
    await sender.send(unguarded, replace(FORGERIES["no token"], activity=elsewhere))


@pytest.mark.parametrize("name", [name for name in FORGERIES if name != "no token"])
async def test_a_token_that_is_there_is_looked_at_all_the_same(
    sender: Sender, unguarded: InboundTokens, name: str
) -> None:
    with pytest.raises(ActivityRefused) as refused:
        await sender.send(unguarded, FORGERIES[name])
    assert refused.value.code == ROWS[name][0]


def test_a_bot_without_a_name_would_be_anybodys(vendor: BotFramework) -> None:
    with pytest.raises(ValueError, match="an app id and a tenant id"):
        replace(vendor.settings(), app_id="")
    with pytest.raises(ValueError, match="an app id and a tenant id"):
        replace(vendor.settings(), tenant_id="")
