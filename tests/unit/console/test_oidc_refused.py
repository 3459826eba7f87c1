"""What comes back from a provider signs nobody in unless all of it holds.

Each case is run with its guard, and once more without: then the attack succeeds.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry
from structlog.testing import capture_logs

from authz.adapters.oidc import provider
from authz.adapters.oidc.id_token import Expected
from authz.adapters.oidc.provider import OidcProvider
from authz.entrypoints.console import oidc_sign_in
from authz.entrypoints.console.demo_guard import DemoGuard
from authz.entrypoints.console.oidc_sign_in import OidcSignIn
from authz.entrypoints.console.round_trip import RoundTrip, RoundTripSeal
from tests.support.oidc_provider import Claims, Provider, new_key
from tests.unit.console.oidc_world import OidcWorld

HOUR = 3600


@pytest.fixture
def world(guard: DemoGuard) -> OidcWorld:
    return OidcWorld(guard)


def encoded(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def believed(token: str, keys: KeySet, expected: Expected, now_s: float) -> Mapping[str, object]:  # noqa: ARG001 - in place of the real one
    """Take what a token says for true."""
    payload = token.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def with_claims(**changes: object) -> Callable[[Provider], Callable[[Claims], str]]:
    """Return what signs tokens with other claims; None takes one away."""

    def forged(double: Provider) -> Callable[[Claims], str]:
        def sign(claims: Claims) -> str:
            changed = claims | changes
            return double.signed({name: value for name, value in changed.items() if value is not None})

        return sign

    return forged


def late(double: Provider) -> Callable[[Claims], str]:
    return lambda claims: double.signed(claims | {"exp": claims["iat"] - 61, "iat": claims["iat"] - HOUR})


def early(double: Provider) -> Callable[[Claims], str]:
    return lambda claims: double.signed(claims | {"iat": claims["iat"] + HOUR})


def not_yet(double: Provider) -> Callable[[Claims], str]:
    return lambda claims: double.signed(claims | {"nbf": claims["iat"] + HOUR})


def nobody_signed(double: Provider) -> Callable[[Claims], str]:  # noqa: ARG001 - as the others
    return lambda claims: f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def public_key_as_secret(double: Provider) -> Callable[[Claims], str]:
    """The key that everybody may read, taken for a shared one."""
    key = double.keys[-1]
    header = {"alg": "HS256", "kid": str(key.kid)}

    def sign(claims: Claims) -> str:
        signed = f"{encoded(header)}.{encoded(claims)}"
        mac = hmac.digest(key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    return sign


def own_key(double: Provider) -> Callable[[Claims], str]:
    """A key of the attacker's, under the name of the provider's."""
    forger = new_key(str(double.keys[-1].kid))
    return lambda claims: jwt.encode({"alg": "RS256", "kid": str(forger.kid)}, claims, forger)


def unknown_key(double: Provider) -> Callable[[Claims], str]:  # noqa: ARG001 - as the others
    forger = new_key("unknown")
    return lambda claims: jwt.encode({"alg": "RS256", "kid": "unknown"}, claims, forger)


def key_in_the_token(double: Provider) -> Callable[[Claims], str]:
    """A key that the token itself brings along."""
    forger = new_key(str(double.keys[-1].kid))
    header = {"alg": "RS256", "kid": str(forger.kid), "jwk": forger.as_dict(private=False)}
    return lambda claims: jwt.encode(header, claims, forger)


TOKENS: dict[str, Callable[[Provider], Callable[[Claims], str]]] = {
    "another nonce": with_claims(nonce="another"),
    "no nonce": with_claims(nonce=None),
    "another issuer": with_claims(iss="https://other.example"),
    "the issuer with a slash": with_claims(iss="https://issuer.example/"),
    "no issuer": with_claims(iss=None),
    "another audience": with_claims(aud="another"),
    "no audience": with_claims(aud=None),
    "several audiences and nobody's party": with_claims(aud=["holdgate", "another"]),
    "for another party": with_claims(aud=["holdgate", "another"], azp="another"),
    "expired": late,
    "no end": with_claims(exp=None),
    "from the future": early,
    "no time": with_claims(iat=None),
    "not yet": not_yet,
    "beside another access token": with_claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "nobody signed it": nobody_signed,
    "HS256 with the public key": public_key_as_secret,
    "another key": own_key,
    "an unknown key": unknown_key,
    "its own key": key_in_the_token,
}


@pytest.mark.parametrize("what", TOKENS)
async def test_an_id_token_signs_nobody_in_unless_all_of_it_holds(
    world: OidcWorld, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.provider.sign = TOKENS[what](world.provider)
    with capture_logs() as lines:
        answer = await world.person().sign_in("bob")
    assert answer.status_code == 403
    assert "holdgate=" not in "".join(answer.headers.get_list("set-cookie"))
    assert world.sessions.open == {}
    assert [line["code"] for line in lines if line["event"] == "sign_in.failed"] in (
        ["id-token-invalid"],
        ["key-unknown"],
    )
    # The control: a console that believes what tokens say.
    monkeypatch.setattr(provider, "verified_claims", believed)
    assert (await world.person().sign_in("bob")).status_code == 303
    assert len(world.sessions.open) == 1


GUARDS: dict[str, tuple[type, str]] = {
    "another nonce": (CodeIDToken, "validate_nonce"),
    "no nonce": (CodeIDToken, "validate_nonce"),
    "another issuer": (JWTClaimsRegistry, "check_value"),
    "the issuer with a slash": (JWTClaimsRegistry, "check_value"),
    "several audiences and nobody's party": (CodeIDToken, "validate_azp"),
    "for another party": (CodeIDToken, "validate_azp"),
    "expired": (JWTClaimsRegistry, "validate_exp"),
    "from the future": (JWTClaimsRegistry, "validate_iat"),
    "not yet": (JWTClaimsRegistry, "validate_nbf"),
    "beside another access token": (CodeIDToken, "validate_at_hash"),
}
"""The one check of the libraries that each of these tokens fails: all others let it through."""


@pytest.mark.parametrize("what", GUARDS)
async def test_a_claim_has_a_guard_that_nothing_else_stands_in_for(
    world: OidcWorld, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.provider.sign = TOKENS[what](world.provider)
    assert (await world.person().sign_in("bob")).status_code == 403
    monkeypatch.setattr(*GUARDS[what], lambda *_: None)
    assert (await world.person().sign_in("bob")).status_code == 303


async def test_a_token_is_good_for_as_long_as_clocks_may_differ(world: OidcWorld) -> None:
    world.provider.sign = lambda claims: world.provider.signed(claims | {"exp": claims["iat"] - 59})
    assert (await world.person().sign_in("bob")).status_code == 303


@pytest.mark.parametrize("party", [{"aud": ["holdgate"]}, {"aud": ["holdgate", "x"], "azp": "holdgate"}])
async def test_a_token_for_us_among_others_is_good_where_we_are_its_party(
    world: OidcWorld, party: dict[str, object]
) -> None:
    world.provider.sign = lambda claims: world.provider.signed(claims | party)
    assert (await world.person().sign_in("bob")).status_code == 303


@pytest.mark.parametrize("sub", [None, "", 7, "x" * 513])
async def test_somebody_without_a_usable_name_is_refused(world: OidcWorld, sub: object) -> None:
    world.provider.sign = with_claims(sub=sub)(world.provider)
    assert (await world.person().sign_in("bob")).status_code == 403


@pytest.mark.parametrize("when", [1_800_000_061, 0, -1, True, "1800000000"])
async def test_a_sign_in_at_an_impossible_time_is_refused(world: OidcWorld, when: object) -> None:
    world.provider.sign = with_claims(auth_time=when)(world.provider)
    assert (await world.person().sign_in("bob")).status_code == 403


@dataclass(frozen=True)
class Attack:
    """How a person's browser is led to an answer that isn't its own, and the guard that has to be gone for it."""

    lead: Callable[[OidcWorld], Any]
    unguard: Callable[[OidcWorld, pytest.MonkeyPatch], None]
    code: str


async def in_another_browser(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    """Bob's answer in the browser of somebody who began nothing."""
    bob, victim = world.person(), world.person()
    back = await bob.proven("bob", await bob.sent_to())
    return await victim.console.get(back)


async def with_anothers_state(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    """The attacker's whole answer in a browser that began a way of its own (login CSRF)."""
    attacker, victim = world.person(), world.person()
    await victim.sent_to()
    return await victim.console.get(await attacker.proven("dave", await attacker.sent_to()))


async def with_anothers_code(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    """The attacker's code with the victim's own state (code injection, RFC 9700 section 4.5)."""
    attacker, victim = world.person(), world.person()
    stolen = await attacker.proven("dave", await attacker.sent_to())
    own = await victim.proven("bob", await victim.sent_to())
    code = stolen.partition("code=")[2].partition("&")[0]
    mine = own.partition("code=")[2].partition("&")[0]
    return await victim.console.get(own.replace(mine, code))


async def twice(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    """One answer used twice, by a browser that kept its cookie from the first time."""
    bob = world.person()
    back = await bob.proven("bob", await bob.sent_to())
    kept = bob.console.cookies["holdgate-sign-in"]
    assert (await bob.console.get(back)).status_code == 303
    world.sessions.open.clear()
    bob.console.cookies.set("holdgate-sign-in", kept, domain="127.0.0.1", path="/")
    return await bob.console.get(back)


async def of_another_provider(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    """Somebody else's answer, as it says itself (mix-up, RFC 9207)."""
    world.provider.change_answer = lambda answer: urlencode(answer | {"iss": "https://evil.example"})
    return await world.person().sign_in("bob")


async def of_nobody(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    """An answer that doesn't say whose it is, though the provider always does."""
    world.provider.change_answer = lambda answer: urlencode(
        {name: value for name, value in answer.items() if name != "iss"}
    )
    return await world.person().sign_in("bob")


async def too_late(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    bob = world.person()
    url = await bob.sent_to()
    world.memory.now += 11 * 60_000
    return await bob.console.get(await bob.proven("bob", url))


async def with_two_states(world: OidcWorld) -> Any:  # noqa: ANN401 - an answer
    world.provider.change_answer = lambda answer: "state=another&" + urlencode(answer)
    return await world.person().sign_in("bob")


def trust_any_state(world: OidcWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser's own way, whatever state the answer has; and a provider and a token that tie nothing to it."""
    monkeypatch.setattr(hmac, "compare_digest", lambda *_: True)
    begun = RoundTrip("x" * 43, "/", world.memory.now // 1000)
    opened = RoundTripSeal.open
    monkeypatch.setattr(
        RoundTripSeal, "open", lambda self, sealed, now_s: opened(self, sealed, now_s) or begun
    )
    tie_nothing(world, monkeypatch)


def tie_nothing(world: OidcWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.provider.faults.checks_verifier = False
    monkeypatch.setattr(provider, "verified_claims", believed)


def forget_codes(world: OidcWorld, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    world.provider.faults.forgets_used_codes = True


def ask_nobodys_name(world: OidcWorld, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    monkeypatch.setattr(OidcProvider, "_check_sender", lambda *_: None)


def have_time(world: OidcWorld, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    opened = RoundTripSeal.open
    monkeypatch.setattr(RoundTripSeal, "open", lambda self, sealed, _: opened(self, sealed, 1_800_000_000))


def take_the_last(world: OidcWorld, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - as the others
    monkeypatch.setattr(oidc_sign_in, "_answer", lambda request: dict(request.query_params.multi_items()))


ATTACKS = {
    "in another browser": Attack(in_another_browser, trust_any_state, "not-begun-here"),
    "with another's state": Attack(with_anothers_state, trust_any_state, "not-begun-here"),
    "with another's code": Attack(with_anothers_code, tie_nothing, "code-refused"),
    "twice": Attack(twice, forget_codes, "code-refused"),
    "of another provider": Attack(of_another_provider, ask_nobodys_name, "wrong-issuer"),
    "of nobody": Attack(of_nobody, ask_nobodys_name, "wrong-issuer"),
    "too late": Attack(too_late, have_time, "not-begun-here"),
    "with two states": Attack(with_two_states, take_the_last, "doubled-parameter"),
}


@pytest.mark.parametrize("what", ATTACKS)
async def test_an_answer_that_is_not_this_browsers_own_signs_nobody_in(
    world: OidcWorld, guard: DemoGuard, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = ATTACKS[what]
    with capture_logs() as lines:
        answer = await attack.lead(world)
    assert answer.status_code == 403
    assert world.sessions.open == {}
    assert [line["code"] for line in lines if line["event"] == "sign_in.failed"] == [attack.code]
    # The control: the same without the guard.
    unguarded = OidcWorld(guard)
    attack.unguard(unguarded, monkeypatch)
    assert (await attack.lead(unguarded)).status_code == 303
    assert len(unguarded.sessions.open) == 1


async def test_a_nonce_alone_stops_a_code_that_was_injected(
    world: OidcWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the provider doesn't look at PKCE's verifier. The control is the one of the attack above."""
    world.provider.faults.checks_verifier = False
    with capture_logs() as lines:
        assert (await with_anothers_code(world)).status_code == 403
    assert [line["code"] for line in lines if line["event"] == "sign_in.failed"] == ["id-token-invalid"]
    monkeypatch.setattr(CodeIDToken, "validate_nonce", lambda _: None)
    assert (await with_anothers_code(world)).status_code == 303


async def test_pkce_alone_stops_a_code_that_was_injected(
    world: OidcWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CodeIDToken, "validate_nonce", lambda _: None)
    assert (await with_anothers_code(world)).status_code == 403
    world.provider.faults.checks_verifier = False
    assert (await with_anothers_code(world)).status_code == 303


async def test_the_way_is_over_when_it_was_gone(world: OidcWorld) -> None:
    """Signed in or not: an answer is read once for one way there."""
    bob = world.person()
    back = await bob.proven("bob", await bob.sent_to())
    assert (await bob.console.get(back)).status_code == 303
    assert "holdgate-sign-in" not in bob.console.cookies
    assert (await bob.console.get(back)).status_code == 403


@pytest.mark.parametrize(
    ("error", "told"),
    [("access_denied", "you declined"), ("server_error", "server_error"), ("<script>", "an unknown error")],
)
async def test_a_refusal_is_told_and_its_description_is_not(world: OidcWorld, error: str, told: str) -> None:
    def refused(answer: dict[str, str]) -> str:
        kept = {name: answer[name] for name in ("state", "iss")}
        return urlencode(kept | {"error": error, "error_description": "Call this number"})

    world.provider.change_answer = refused
    answer = await world.person().sign_in("bob")
    assert answer.status_code == 403
    assert told in answer.text
    assert "<script>" not in answer.text
    assert "Call this number" not in answer.text
    assert 'href="/sign-in?next=%2F"' in answer.text


@pytest.mark.parametrize("query", ["", "?code=x", "?state=", "?state=x&code=x", "?state=%ff%00"])
async def test_an_answer_out_of_nowhere_signs_nobody_in(world: OidcWorld, query: str) -> None:
    answer = await world.browser().get(f"/sign-in/back{query}")
    assert answer.status_code == 403
    assert world.provider.asked == []


async def test_a_way_that_another_installation_sealed_is_nobodys(world: OidcWorld) -> None:
    bob = world.person()
    await bob.sent_to()
    foreign = RoundTripSeal([b"o" * 32])
    trip = RoundTrip("y" * 43, "/", world.memory.now // 1000)
    bob.console.cookies.set("holdgate-sign-in", foreign.seal(trip), domain="127.0.0.1", path="/")
    answer = await bob.console.get(f"/sign-in/back?state={trip.state}&code=x")
    assert answer.status_code == 403
    assert OidcSignIn.switch is None
