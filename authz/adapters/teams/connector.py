"""A receiver of the retired Office 365 connector format (MessageCard), by pymsteams.

Microsoft switched these off; what remains are self-hosted receivers of the format. It renders Markdown and escapes
nothing, so a card has no word of anybody but us. pymsteams blocks, follows redirects and reads whole answers: it runs
in threads of its own, with a bound on each wait, and only a receiver that one runs oneself belongs behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

import pymsteams

from authz.adapters.cards.digest_words import digest_headline, digest_text, list_link
from authz.adapters.cards.wording import (
    facts,
    headline,
    news,
    review_headline,
    review_link,
    summary,
    ticket_link,
)
from authz.adapters.http_post.answer import Answer, failure
from authz.adapters.http_post.pace import Pace
from authz.adapters.http_post.secret_url import SecretUrl, unlogged
from authz.adapters.teams.workflows import EVENTS
from authz.domain.events import EventType
from authz.services.digest import Digest
from authz.services.ports import Alarm, DeliveryDelayed, DeliveryRefused, Posting

PER_SECOND = 4
_ADVICE = "check the address and the receiver behind it"


@dataclass(frozen=True, slots=True)
class ConnectorSettings:
    """`public_url` is where people reach the console. `timeout_s` bounds each post as a whole."""

    public_url: str
    timeout_s: float = 15.0


class ConnectorChannel:
    """One receiver. Threads that outlive their post are bounded like the posts, and end by themselves."""

    def __init__(self, url: str, settings: ConnectorSettings) -> None:
        """Prepare to post. Raises ValueError, without the address, when `url` can't be posted to."""
        self._url = SecretUrl(url)
        self._settings = settings
        self._pace = Pace(PER_SECOND)
        self._threads = ThreadPoolExecutor(PER_SECOND, "teams-connector")

    @property
    def events(self) -> frozenset[EventType]:
        """The same as by a Workflows webhook."""
        return EVENTS

    async def send(self, posting: Posting) -> str:
        """Post one card; return `accepted`, because there is no message id.

        Raises DeliveryDelayed after 408, 425, 429, 5xx and anything short of an answer, and DeliveryRefused after
        every other answer than 2xx, and when the answer came from elsewhere after a redirect.
        """
        ticket = posting.ticket
        state = ticket.state_at(posting.now)
        link = ticket_link(self._settings.public_url, ticket)
        title = headline(ticket, state)
        where = f"Rule {ticket.draft.requirement.rule}. What was asked, by whom and why is on the page."
        text = " ".join([*news(posting, state), where])
        return await self._sent(title, summary(ticket, state, link), text, facts(ticket, state), link)

    async def alarm(self, alarm: Alarm) -> str:
        """Post the card of a use of break-glass, as `send` does one of a ticket."""
        title = review_headline(alarm.review)
        link = review_link(self._settings.public_url, alarm.review)
        text = f"Rule {alarm.review.draft.break_glass.rule}. Who did what, and why, is on the page."
        return await self._sent(title, f"{title}: {link}", text, (), link)

    @property
    def in_place(self) -> bool:
        """See Digesting."""
        return False

    async def digest(self, digest: Digest, reference: str) -> str:  # noqa: ARG002 - nothing can be changed here
        """Post the card that stands for many tickets; the reference is empty. Else as `send`."""
        title, link = digest_headline(digest), list_link(self._settings.public_url)
        await self._sent(title, f"{title}: {link}", digest_text(digest), (), link)
        return ""

    async def _sent(
        self, title: str, shown_first: str, text: str, pairs: Sequence[tuple[str, str]], link: str
    ) -> str:
        card = pymsteams.connectorcard(self._url.reveal(), http_timeout=self._settings.timeout_s, verify=True)
        card.title(title).summary(shown_first).text(text).addLinkButton("Open the page", link)
        section = pymsteams.cardsection().disableMarkdown()
        for name, value in pairs:
            section.addFact(name, value)
        card.addSection(section)
        async with self._pace.turn() as back_after_s:
            if back_after_s > 0:
                msg = f"the webhook is busy, or asked for a pause: {back_after_s:.1f} s more"
                raise DeliveryDelayed(msg, back_after_s, tried=False)
            error = await self._failure(card)
            if isinstance(error, DeliveryDelayed):
                self._pace.pause(error.after_s)
            if error is not None:
                raise error
        return "accepted"

    async def _failure(self, card: pymsteams.connectorcard) -> DeliveryDelayed | DeliveryRefused | None:
        """Post, and return what to raise. Errors of the library hold the address or the answer: they end here."""
        loop = asyncio.get_running_loop()
        try:
            with unlogged():
                sending = loop.run_in_executor(self._threads, copy_context().run, card.send)
                async with asyncio.timeout(self._settings.timeout_s):
                    await sending
        except TimeoutError:
            return DeliveryDelayed(f"the webhook gave no answer in {self._settings.timeout_s:g} s")
        except OSError as error:  # what every error of requests is
            return DeliveryDelayed(f"the webhook gave no answer ({type(error).__name__})")
        except pymsteams.TeamsWebhookException:
            given = card.last_http_response
            lowercase = {name.lower(): value for name, value in given.headers.items()}
            return failure(Answer(given.status_code, lowercase, empty=not given.content), _ADVICE)
        if card.last_http_response.history:
            return DeliveryRefused(f"the webhook answered with a redirect, which is refused: {_ADVICE}")
        return None
