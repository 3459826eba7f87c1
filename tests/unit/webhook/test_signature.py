"""Signatures, held to the library of the specification."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from authz.adapters.webhook.signature import signed

OLD, NEW = b"o" * 32, b"n" * 24
BODY = '{"text": "ünïcode"}'.encode()


def secret(key: bytes) -> str:
    return f"whsec_{b64encode(key).decode()}"


@pytest.mark.parametrize("known", [OLD, NEW])
def test_a_receiver_that_knows_one_of_the_secrets_takes_it(known: bytes) -> None:
    """While a secret is changed, some know the old one and some the new one."""
    headers = signed("0-abc/1-ticket-created", int(time.time()), BODY, [NEW, OLD])
    assert Webhook(secret(known)).verify(BODY, headers) == {"text": "ünïcode"}


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "0-abc/2-ticket-created"},
        {"webhook-timestamp": str(int(time.time()) - 1)},
        {"webhook-signature": "v1,bm90IGl0"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_changed_breaks_it(change: dict[str, str]) -> None:
    headers = signed("0-abc/1-ticket-created", int(time.time()), BODY, [NEW]) | change
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(NEW)).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(NEW)).verify(BODY + b" ", signed("x", int(time.time()), BODY, [NEW]))


def test_another_secret_does_not_verify() -> None:
    """Control: the library does tell secrets apart."""
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(secret(OLD)).verify(BODY, signed("x", int(time.time()), BODY, [NEW]))
