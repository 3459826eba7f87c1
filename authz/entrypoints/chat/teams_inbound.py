"""Puts together what answers the bot's messages."""

from __future__ import annotations

from authz.adapters.teams_bot.people import People
from authz.bootstrap.teams_bot import TeamsOutside
from authz.entrypoints.chat.in_hand import InHand
from authz.entrypoints.chat.teams import TeamsMessages, TeamsParts
from authz.entrypoints.chat.teams_commands import TeamsCommands
from authz.entrypoints.chat.teams_conversations import TeamsConversations
from authz.entrypoints.chat.teams_presses import TeamsPresses


def teams_inbound(teams: TeamsOutside, in_hand: InHand) -> TeamsMessages:
    """Return the bot's address. What is begun there goes on in `in_hand`, which the caller drains."""
    terms = teams.terms
    people = People(teams.connector, teams.conversations, terms.tenant)
    return TeamsMessages(
        TeamsParts(
            inbound=teams.inbound,
            presses=TeamsPresses(teams.deciding, teams.voting, teams.store, teams.adoption, terms, in_hand),
            commands=TeamsCommands(teams.deciding, teams.approvals, teams.connector, people, terms),
            conversations=TeamsConversations(teams.conversations, terms.tenant),
            in_hand=in_hand,
            local_only=teams.playground,
        )
    )
