"""E-mail against a real SMTP server."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from authz.adapters.email.channel import Encryption, MailChannel, MailSettings
from authz.domain.break_glass import Review
from authz.domain.events import EventType
from authz.services.digest import Digest, Digesting
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting
from tests.e2e.envoy_config.certificates import Authority
from tests.support.mail_server import PASSWORD, USER, MailServer, serving_mail
from tests.support.sample_reviews import review_draft
from tests.support.sample_tickets import CREATED_AT, ticket

CREATED = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT)
PLAIN = MailSettings(
    public_url="https://holdgate.example",
    host="127.0.0.1",
    port=0,
    encryption=Encryption.NONE,
    sender="gate@holdgate.example",
    recipients=("alice@people.example", "bob@people.example"),
    timeout_s=5.0,
)


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS of a server named localhost, and that of a client that trusts its authority."""
    authority = Authority(tmp_path)
    pair = authority.issue("localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair.certificate, pair.key)
    return server, ssl.create_default_context(cafile=str(authority.certificate))


async def test_a_mail_reaches_everybody_on_the_list() -> None:
    server = MailServer()
    async with serving_mail(server) as port:
        receipt = await MailChannel(replace(PLAIN, port=port)).send(CREATED)
    [mail] = server.mails
    assert mail.sender == "gate@holdgate.example"
    assert mail.recipients == ("alice@people.example", "bob@people.example")
    assert mail.message["Message-ID"] == receipt
    assert f"https://holdgate.example/tickets/{ticket().id}" in mail.message.get_content()


async def test_a_mail_that_is_sent_again_has_the_same_id_and_what_follows_answers_it() -> None:
    server = MailServer()
    review = Review(review_draft(), CREATED_AT, CREATED_AT + 1000)
    async with serving_mail(server) as port:
        channel = MailChannel(replace(PLAIN, port=port))
        assert await channel.send(CREATED) == await channel.send(replace(CREATED, now=CREATED_AT + 5000))
        await channel.send(Posting(EventType.TICKET_APPROVED, ticket(), CREATED_AT, rev=2))
        await channel.alarm(Alarm(EventType.BREAKGLASS_USED, review, CREATED_AT))
    first, again, later, alarm = (mail.message for mail in server.mails)
    assert first["Message-ID"] == again["Message-ID"] == later["In-Reply-To"]
    assert alarm["Subject"].startswith("Break-glass used")


@pytest.mark.parametrize("encryption", [Encryption.STARTTLS, Encryption.IMPLICIT])
async def test_it_signs_in_over_a_connection_that_nobody_reads(
    encryption: Encryption, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server = MailServer()
    theirs, ours = contexts
    starttls = theirs if encryption is Encryption.STARTTLS else None
    async with serving_mail(server, starttls=starttls, implicit=None if starttls else theirs) as port:
        encrypted = replace(PLAIN, host="localhost", port=port, encryption=encryption, tls=ours)
        await MailChannel(encrypted).send(CREATED)
    assert len(server.mails) == 1


async def test_a_password_is_accepted_and_a_wrong_one_is_final_and_told_nowhere(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server = MailServer()
    theirs, ours = contexts
    async with serving_mail(server, starttls=theirs, auth=True) as port:
        encrypted = replace(
            PLAIN, host="localhost", port=port, encryption=Encryption.STARTTLS, tls=ours, username=USER
        )
        assert PASSWORD not in repr(replace(encrypted, password=PASSWORD))
        await MailChannel(replace(encrypted, password=PASSWORD)).send(CREATED)
        with pytest.raises(DeliveryRefused, match="answered 535") as caught:
            await MailChannel(replace(encrypted, password="wr0ng")).send(CREATED)
    assert "wr0ng" not in repr(caught.value)
    assert len(server.mails) == 1


async def test_without_encryption_nothing_is_said_where_it_was_asked_for() -> None:
    """A server that doesn't offer it may be somebody in between who took the offer out."""
    server = MailServer()
    async with serving_mail(server) as port:
        with pytest.raises(DeliveryDelayed):
            await MailChannel(replace(PLAIN, port=port, encryption=Encryption.STARTTLS)).send(CREATED)
        assert server.mails == []
        await MailChannel(replace(PLAIN, port=port)).send(CREATED)
    assert len(server.mails) == 1  # the control: it is only the encryption that was missing


async def test_a_certificate_of_nobody_we_know_is_not_accepted(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server = MailServer()
    theirs, ours = contexts
    async with serving_mail(server, implicit=theirs) as port:
        unknown = replace(PLAIN, host="localhost", port=port, encryption=Encryption.IMPLICIT)
        with pytest.raises(DeliveryDelayed):
            await MailChannel(unknown).send(CREATED)
        assert server.mails == []
        await MailChannel(replace(unknown, tls=ours)).send(CREATED)
    assert len(server.mails) == 1  # the control


@pytest.mark.parametrize("answer", ["421 later", "451 later", "452 full"])
async def test_a_4xx_is_tried_again(answer: str) -> None:
    async with serving_mail(MailServer(deque([answer]))) as port:
        with pytest.raises(DeliveryDelayed, match=f"answered {answer[:3]}"):
            await MailChannel(replace(PLAIN, port=port)).send(CREATED)


@pytest.mark.parametrize("answer", ["550 no", "552 too large", "554 spam of alice@people.example"])
async def test_a_5xx_is_final_and_the_servers_words_are_not_told_on(answer: str) -> None:
    async with serving_mail(MailServer(deque([answer]))) as port:
        with pytest.raises(DeliveryRefused, match=f"answered {answer[:3]}") as caught:
            await MailChannel(replace(PLAIN, port=port)).send(CREATED)
    assert "alice" not in str(caught.value)


@pytest.mark.parametrize(
    ("codes", "error"),
    [(("550", "550"), DeliveryRefused), (("450", "550"), DeliveryDelayed), (("450", "450"), DeliveryDelayed)],
)
async def test_where_nobody_is_reached_one_who_may_be_later_is_worth_a_try(
    codes: tuple[str, str], error: type[Exception]
) -> None:
    refuses = dict(zip(PLAIN.recipients, (f"{code} no" for code in codes), strict=True))
    async with serving_mail(MailServer(refuses=refuses)) as port:
        with pytest.raises(error):
            await MailChannel(replace(PLAIN, port=port)).send(CREATED)


async def test_where_somebody_is_reached_it_is_sent_and_the_others_are_told_of_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = MailServer(refuses={"bob@people.example": "550 unknown"})
    async with serving_mail(server) as port:
        await MailChannel(replace(PLAIN, port=port)).send(CREATED)
    assert [mail.recipients for mail in server.mails] == [("alice@people.example",)]
    assert "mail.recipients_refused" in capsys.readouterr().out


async def test_a_server_that_hangs_is_let_go() -> None:
    released = asyncio.Event()
    async with serving_mail(MailServer(hangs=released)) as port:
        with pytest.raises(DeliveryDelayed, match="no answer"):
            await MailChannel(replace(PLAIN, port=port, timeout_s=0.3)).send(CREATED)
        released.set()


async def test_nobody_there_is_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        with pytest.raises(DeliveryDelayed, match="no answer"):
            await MailChannel(replace(PLAIN, port=taken.getsockname()[1])).send(CREATED)


async def test_a_digest_is_one_mail_that_counts_and_the_next_answers_it() -> None:
    server = MailServer()
    async with serving_mail(server) as port:
        channel = MailChannel(replace(PLAIN, port=port))
        assert isinstance(channel, Digesting)
        for waiting, now in ((21, 1000), (37, 61_000)):
            assert await channel.digest(Digest(waiting, 40, CREATED_AT, CREATED_AT + now), "") == ""
    first, second = (mail.message for mail in server.mails)
    assert first["Subject"] == "21 requests wait for a decision"
    assert "https://holdgate.example/" in second.get_content()
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
