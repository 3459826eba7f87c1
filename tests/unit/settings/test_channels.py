"""How channels are described."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from authz.setting_channels import CHANNEL_KINDS, MailList, SignedWebhook
from tests.unit.settings.test_settings import load, problems

HOOK = "https://hooks.example/s3cret"
SECRET = f"whsec_{b64encode(b's' * 32).decode()}"


def described(**fields: object) -> str:
    return json.dumps({"room": fields})


def test_a_signed_webhook_has_an_address_and_secrets() -> None:
    found = load(channels=described(kind="webhook", url=HOOK, secrets=[SECRET, SECRET])).channels["room"]
    assert isinstance(found, SignedWebhook)
    assert found.keys == (b"s" * 32, b"s" * 32)
    assert HOOK not in repr(found)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "secret", ["", "c2VjcmV0", SECRET[6:], "whsec_", "whsec_c2hvcnQ=", f"{SECRET}!", f" {SECRET}"]
)
def test_a_secret_of_another_form_is_refused_without_being_told(secret: str) -> None:
    [problem] = problems(channels=described(kind="webhook", url=HOOK, secrets=[secret]))
    assert problem.startswith("HOLDGATE_CHANNELS.room.secrets: a secret is whsec_ and then 24 to 64")
    written = secret.removeprefix("whsec_")
    assert not written or written not in problem


def test_there_is_at_least_one_secret() -> None:
    [problem] = problems(channels=described(kind="webhook", url=HOOK, secrets=[]))
    assert problem.startswith("HOLDGATE_CHANNELS.room.secrets: ")


@pytest.mark.parametrize("fields", [{"kind": "s3cret"}, {}], ids=["unknown", "missing"])
def test_an_unknown_kind_is_answered_with_those_there_are(fields: dict[str, object]) -> None:
    """What stands there instead may be a secret in the wrong place."""
    [problem] = problems(channels=described(**fields))
    assert problem == f"HOLDGATE_CHANNELS.room.kind: must be one of {', '.join(CHANNEL_KINDS)}"


MAIL = {"kind": "email", "host": "mail.example", "from": "gate@a.example", "to": ["on-call@a.example"]}


def test_a_mail_list_needs_a_server_and_addresses() -> None:
    signed_in = {"username": "holdgate", "password": "s3cret"}
    found = load(channels=described(**MAIL, **signed_in)).channels["room"]
    assert isinstance(found, MailList)
    assert (found.port, found.encryption, found.recipients) == (587, "starttls", ("on-call@a.example",))
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "alice@",
        "Alice <a@b>",
        "a@b\r\nBcc: c@d",
        "a@b,c@d",
        "a@b c",
        "a@-b",
        "ä@b",
        '"a b"@c',
        "a@b..c",
    ],
)
def test_what_is_no_plain_address_is_refused(address: str) -> None:
    """It would stand in a header, and in what is said to the server."""
    [problem] = problems(channels=described(**{**MAIL, "to": [address]}))
    assert problem.startswith("HOLDGATE_CHANNELS.room.to: ")
    assert problems(channels=described(**{**MAIL, "from": address}))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"encryption": "none"}, "on this machine"),
        ({"username": "holdgate"}, "username and password go together"),
        ({"password": "s3cret"}, "username and password go together"),
        ({"to": []}, "at least 1"),
        ({"to": ["a@b.example"] * 51}, "at most 50"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"encryption": "tls"}, "starttls"),
    ],
)
def test_a_mail_list_that_can_not_work_is_refused(fields: dict[str, object], why: str) -> None:
    [problem] = problems(channels=described(**{**MAIL, **fields}))
    assert why in problem
    assert "s3cret" not in problem


def test_a_server_on_this_machine_may_be_spoken_to_unencrypted() -> None:
    assert load(channels=described(**{**MAIL, "host": "127.0.0.1", "encryption": "none"})).channels
