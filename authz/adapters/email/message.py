"""One mail as it is sent: RFC 5322, with headers that nobody else has a word in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from authz.domain.events import EventType
from authz.services.digest import Digest

_FIRST = {
    EventType.BREAKGLASS_USED: EventType.BREAKGLASS_USED,
    EventType.BREAKGLASS_REVIEWED: EventType.BREAKGLASS_USED,
}


def message_id(kind: EventType, identifier: str, rev: int, sender: str) -> str:
    """Return the Message-ID of an event's mail: the same however often it is sent, so that copies are seen as such."""
    return f"<{identifier}.{rev}.{kind.value}@{sender.rpartition('@')[2]}>"


def mail(  # noqa: PLR0913 - the parts of a mail
    kind: EventType,
    identifier: str,
    rev: int,
    *,
    sender: str,
    recipients: Sequence[str],
    subject: str,
    text: str,
    now: int,
) -> EmailMessage:
    """Return the mail of one event; what comes later answers the first one of its ticket. `now` is epoch ms.

    Raises ValueError for a line break in a header.
    """
    own = message_id(kind, identifier, rev, sender)
    first = message_id(_FIRST.get(kind, EventType.TICKET_CREATED), identifier, 1, sender)
    return _letter(sender, recipients, (own, first), subject, text, now)


def digest_mail(
    digest: Digest, *, sender: str, recipients: Sequence[str], subject: str, text: str
) -> EmailMessage:
    """Return a mail that stands for many tickets; it answers a mail that the first of its kind would have been."""
    domain = sender.rpartition("@")[2]
    named = f"<digest.{digest.since}.{digest.now}@{domain}>", f"<digest.{digest.since}@{domain}>"
    return _letter(sender, recipients, named, subject, text, digest.now)


def _letter(  # noqa: PLR0913, PLR0917 - the parts of a mail
    sender: str, recipients: Sequence[str], named: tuple[str, str], subject: str, text: str, now: int
) -> EmailMessage:
    """Return a mail by its own Message-ID and the one that it answers."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Holdgate", addr_spec=sender)
    message["To"] = [Address(addr_spec=recipient) for recipient in recipients]
    message["Subject"] = subject
    message["Date"] = datetime.fromtimestamp(now / 1000, tz=UTC)
    own, first = named
    message["Message-ID"] = own
    if own != first:
        message["In-Reply-To"] = first
        message["References"] = first
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is to answer
    message.set_content(text)
    return message
