"""A real SMTP server on a loopback port, inside the test's own event loop."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "holdgate", "s3cr3t-password"


@dataclass(frozen=True)
class Mail:
    """One mail that was taken."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The mail as a mail program reads it."""
        read = message_from_bytes(self.raw, policy=default)
        assert isinstance(read, EmailMessage)
        return read


@dataclass
class MailServer:
    """Keeps what it takes. `answers` are given to mails in turn, "" for taking one; `refuses` by recipient."""

    answers: deque[str] = field(default_factory=deque)
    refuses: dict[str, str] = field(default_factory=dict)
    hangs: asyncio.Event | None = None
    mails: list[Mail] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        if self.hangs is not None:
            await self.hangs.wait()
        answer = self.answers.popleft() if self.answers else ""
        if not answer:
            content = envelope.content
            assert isinstance(content, bytes)
            sender = envelope.mail_from or ""
            mail = Mail(sender, tuple(envelope.rcpt_tos), content, session.ssl is not None)
            self.mails.append(mail)
        return answer or "250 taken"

    def check(
        self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, sent: object
    ) -> AuthResult:
        """Sign in only who knows the password, by whatever mechanism the client chose."""
        assert mechanism in {"LOGIN", "PLAIN"}
        assert isinstance(sent, LoginPassword)
        good = (sent.login, sent.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)


@asynccontextmanager
async def serving_mail(
    server: MailServer,
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    auth: bool = False,
) -> AsyncIterator[int]:
    """Serve, and give the port. With a context nothing is taken unencrypted; with `auth` nobody unknown sends."""
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(
            server,
            hostname="mail.test",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=server.check if auth else None,
            auth_required=auth,
            auth_require_tls=starttls is not None,
            loop=loop,
        )

    listener = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
