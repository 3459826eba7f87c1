"""Buttons that decide, and mentions: what a card of a bot has beyond one of a webhook (Adaptive Cards schema 1.5).

An `Action.Execute` comes back to the bot with its `data`, which anybody may have changed on the way. So a button
carries the ticket's id and the digest of what was shown, and nothing else that would be believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NotRequired, TypeAlias, TypedDict

from authz.adapters.cards.text import one_line
from authz.adapters.teams.elements import Element, OpenUrl
from authz.domain.voting import COMMENT_MAX

APPROVE: Literal["approve"] = "approve"
REJECT: Literal["reject"] = "reject"
REASON = "reason"
"""The id of the input that a rejection's reason is typed into."""

NAME_MAX = 60


class Shown(TypedDict):
    """What a button carries: which ticket, and the payload digest of what the card showed of it."""

    ticket: str
    digest: str


class Execute(TypedDict):
    """A button that is answered by the bot. Where it isn't known, the link takes its place."""

    type: Literal["Action.Execute"]
    title: str
    verb: Literal["approve", "reject"]
    data: Shown
    style: Literal["positive", "destructive"]
    fallback: OpenUrl
    associatedInputs: NotRequired[Literal["none"]]


class InputText(TypedDict):
    """A field to type into."""

    type: Literal["Input.Text"]
    id: str
    label: str
    isRequired: bool
    errorMessage: str
    isMultiline: bool
    maxLength: int


class FoldedCard(TypedDict):
    """What unfolds below a card."""

    type: Literal["AdaptiveCard"]
    body: list[InputText]
    actions: list[Execute]


class ShowCard(TypedDict):
    """A button that unfolds more of the card."""

    type: Literal["Action.ShowCard"]
    title: str
    card: FoldedCard


Action: TypeAlias = Execute | ShowCard | OpenUrl


class Mentioned(TypedDict):
    """Who is mentioned: their object id at Entra, and a name for showing."""

    id: str
    name: str


class Mention(TypedDict):
    """What makes a mention of `text`, which has to stand in the card as it is here."""

    type: Literal["mention"]
    text: str
    mentioned: Mentioned


class BotOptions(TypedDict):
    """Teams' own extension of the card."""

    width: Literal["Full"]
    entities: NotRequired[list[Mention]]


BotCard = TypedDict(
    "BotCard",
    {
        "$schema": str,
        "type": Literal["AdaptiveCard"],
        "version": Literal["1.5"],
        "fallbackText": str,
        "body": list[Element],
        "actions": list[Action],
        "msteams": BotOptions,
    },
)


def bot_card(
    fallback: str, body: list[Element], actions: list[Action], mentions: Sequence[Mention] = ()
) -> BotCard:
    """Return a whole card."""
    options = BotOptions(width="Full")
    if mentions:
        options["entities"] = list(mentions)
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "fallbackText": fallback,
        "body": body,
        "actions": actions,
        "msteams": options,
    }


def open_url(title: str, url: str) -> OpenUrl:
    """Return a button that opens a page."""
    return OpenUrl(type="Action.OpenUrl", title=title, url=url)


def deciding_actions(shown: Shown, url: str) -> list[Action]:
    """Return Approve, Reject with its reason, and the page."""
    page = open_url("Decide on the page", url)
    approve = Execute(
        type="Action.Execute",
        title="Approve",
        verb=APPROVE,
        data=shown,
        style="positive",
        fallback=page,
        associatedInputs="none",  # of a rejection's reason, which would have to be filled in
    )
    reject = Execute(
        type="Action.Execute",
        title="Reject it",
        verb=REJECT,
        data=shown,
        style="destructive",
        fallback=page,
    )
    reason = InputText(
        type="Input.Text",
        id=REASON,
        label="Why? The requester will read this.",
        isRequired=True,
        errorMessage="Say in a few words why.",
        isMultiline=True,
        maxLength=COMMENT_MAX,
    )
    folded = FoldedCard(type="AdaptiveCard", body=[reason], actions=[reject])
    return [
        approve,
        ShowCard(type="Action.ShowCard", title="Reject…", card=folded),
        open_url("Details", url),
    ]


def mention(object_id: str, name: str) -> Mention:
    """Return a mention of somebody. A mention stands in text that is read as Markdown, so of a name only words stay."""
    plain = " ".join(_words_only(one_line(name, NAME_MAX)).split())[:NAME_MAX] or "an approver"
    return Mention(type="mention", text=f"<at>{plain}</at>", mentioned=Mentioned(id=object_id, name=plain))


def _words_only(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-'" else " " for character in text)
