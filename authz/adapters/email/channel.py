"""E-mail as a Channel."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum

import aiosmtplib
import structlog

from authz.adapters.cards.digest_words import digest_headline
from authz.adapters.email.message import digest_mail, mail
from authz.adapters.email.summary import alarm_subject, alarm_text, digest_letter, ticket_subject, ticket_text
from authz.adapters.http_post.pace import Pace
from authz.domain.events import EventType
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting

EVENTS = frozenset(
    {
        EventType.TICKET_CREATED,
        EventType.VOTE_WITHDRAWN,
        EventType.TICKET_APPROVED,
        EventType.TICKET_REJECTED,
        EventType.TICKET_EXPIRED,
        EventType.TICKET_CANCELLED,
        EventType.TICKET_SUPERSEDED,
        EventType.GRANT_REVOKED,
        EventType.TICKET_REMINDED,
        EventType.TICKET_ESCALATED,
        EventType.BREAKGLASS_USED,
        EventType.BREAKGLASS_REVIEWED,
    }
)
_PERMANENT = 500
log = structlog.get_logger("holdgate.notifier")


class Encryption(StrEnum):
    """How the connection is encrypted: from the first byte, before anything is said, or not at all."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """One server, and who gets what. `tls` None verifies the certificate by the system's authorities."""

    public_url: str
    host: str
    port: int
    encryption: Encryption
    sender: str
    recipients: Sequence[str]
    username: str = ""
    password: str = field(default="", repr=False)
    per_second: int = 10
    timeout_s: float = 20.0
    tls: ssl.SSLContext | None = None


class MailChannel:
    """A list of people who get a mail, each of which names all of them."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._pace = Pace(settings.per_second)

    @property
    def events(self) -> frozenset[EventType]:
        """A ticket's start, what is told while nobody decides, each outcome, and what was taken back."""
        return EVENTS

    async def send(self, posting: Posting) -> str:
        """Send the mail of a ticket and return its Message-ID, which stays the same however often it is sent.

        Raises DeliveryDelayed after a 4xx and anything short of an answer, and DeliveryRefused after a 5xx.
        """
        text = ticket_text(posting, self._settings.public_url)
        message = mail(
            posting.type,
            posting.ticket.id,
            posting.rev,
            sender=self._settings.sender,
            recipients=self._settings.recipients,
            subject=ticket_subject(posting),
            text=text,
            now=posting.now,
        )
        return await self._sent(message)

    async def alarm(self, alarm: Alarm) -> str:
        """Send the mail of a use of break-glass, as `send` does one of a ticket."""
        message = mail(
            alarm.type,
            alarm.review.id,
            alarm.rev,
            sender=self._settings.sender,
            recipients=self._settings.recipients,
            subject=alarm_subject(alarm),
            text=alarm_text(alarm, self._settings.public_url),
            now=alarm.now,
        )
        return await self._sent(message)

    @property
    def in_place(self) -> bool:
        """See Digesting."""
        return False

    async def digest(self, digest: Digest, reference: str) -> str:  # noqa: ARG002 - nothing can be changed here
        """Send the mail that stands for many tickets; the reference is empty. Else as `send`."""
        message = digest_mail(
            digest,
            sender=self._settings.sender,
            recipients=self._settings.recipients,
            subject=digest_headline(digest),
            text=digest_letter(digest, self._settings.public_url),
        )
        await self._sent(message)
        return ""

    async def _sent(self, message: EmailMessage) -> str:
        async with self._pace.turn() as back_after_s:
            if back_after_s > 0:
                msg = f"the mail server is busy: {back_after_s:.1f} s more"
                raise DeliveryDelayed(msg, back_after_s, tried=False)
            await self._give(message)
        return str(message["Message-ID"])

    async def _give(self, message: EmailMessage) -> None:
        """Give it to the server. Only codes are told on: a server's words may repeat an address or a name."""
        settings = self._settings
        try:
            async with asyncio.timeout(settings.timeout_s):
                refused, _ = await aiosmtplib.send(
                    message,
                    sender=settings.sender,
                    recipients=list(settings.recipients),
                    hostname=settings.host,
                    port=settings.port,
                    username=settings.username or None,
                    password=settings.password or None,
                    use_tls=settings.encryption is Encryption.IMPLICIT,
                    start_tls=settings.encryption is Encryption.STARTTLS,
                    tls_context=settings.tls,
                    timeout=settings.timeout_s,
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _failure(min(recipient.code for recipient in error.recipients)) from None
        except aiosmtplib.SMTPResponseException as error:
            raise _failure(error.code) from None
        except (TimeoutError, OSError, aiosmtplib.SMTPException) as error:
            raise DeliveryDelayed(f"the mail server gave no answer ({type(error).__name__})") from None
        if refused:
            codes = sorted({response.code for response in refused.values()})
            log.warning("mail.recipients_refused", refused=len(refused), codes=codes)


def _failure(code: int) -> DeliveryDelayed | DeliveryRefused:
    msg = f"the mail server answered {code}"
    if code < _PERMANENT:
        return DeliveryDelayed(msg)
    return DeliveryRefused(f"{msg}: check the channel's server, sign-in and addresses")
