"""What people do in Slack, as the payloads that an app gets of it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.support.slack_server import SlackServer
from tests.support.slack_state import SIGNING_SECRET, TEAM, Document, Message, Window


def button(message: Message, action: str) -> Document:
    """Return a button of a message."""
    found = [element for element in buttons(message) if element["action_id"] == action]
    assert len(found) == 1, [element["action_id"] for element in buttons(message)]
    return found[0]


def buttons(message: Message) -> list[Document]:
    """Return the buttons of a message."""
    return [one for block in message.blocks if block["type"] == "actions" for one in block["elements"]]


def press(slack: SlackServer, user: str, message: Message, action: str, **different: Any) -> Document:  # noqa: ANN401 - parts of a payload
    """Return the payload of a pressed button; `value` is another one than the button has."""
    value = different.pop("value", None) or button(message, action).get("value", "")
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": False,
    }
    return {
        "type": "block_actions",
        "team": {"id": TEAM, "domain": "sample"},
        "user": person(slack, user),
        "api_app_id": "A0APP",
        "container": container,
        "trigger_id": slack.trigger(user),
        "channel": {"id": message.channel, "name": "approvals"},
        "message": {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks},
        "state": {"values": {}},
        "response_url": slack.response_url(user),
        "actions": [
            {
                "type": "button",
                "action_id": action,
                "block_id": "x",
                "text": {"type": "plain_text", "text": "x", "emoji": False},
                "value": value,
                "action_ts": slack.stamp(),
            }
        ],
        **different,
    }


def submission(slack: SlackServer, user: str, window: Window, reason: str | None) -> Document:
    """Return the payload of a submitted window. Slack lets nobody submit less than `min_length`."""
    (block,) = [one for one in window.view["blocks"] if one["type"] == "input"]
    action = block["element"]["action_id"]
    values = {block["block_id"]: {action: {"type": "plain_text_input", "value": reason}}}
    return {
        "type": "view_submission",
        "team": {"id": TEAM, "domain": "sample"},
        "user": person(slack, user),
        "api_app_id": "A0APP",
        "trigger_id": slack.trigger(user),
        "view": {**window.view, "id": window.id, "hash": "1.x", "state": {"values": values}},
        "response_urls": [],
    }


def command(slack: SlackServer, user: str, text: str, team: str = TEAM) -> Document:
    """Return the fields of a typed command."""
    return {
        "token": "deprecated",
        "team_id": team,
        "team_domain": "sample",
        "channel_id": "C0OTHER",
        "channel_name": "elsewhere",
        "user_id": user,
        "user_name": user[2:].lower(),
        "command": "/approvals",
        "text": text,
        "api_app_id": "A0APP",
        "is_enterprise_install": "false",
        "response_url": slack.response_url(user),
        "trigger_id": slack.trigger(user),
    }


def person(slack: SlackServer, user: str) -> Document:
    """Return how a payload names somebody."""
    name = user[2:].lower()
    return {"id": user, "username": name, "name": name, "team_id": slack.members[user]}


def form(payload: Document) -> bytes:
    """Return the body of a request: a command's fields, or a payload in one field."""
    fields = payload if "command" in payload else {"payload": json.dumps(payload)}
    return urlencode(fields).encode()


def signed(body: bytes, at: float, secret: str = SIGNING_SECRET) -> dict[str, str]:
    """Return the headers with which Slack sends a body."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
    }


async def send(client: httpx.AsyncClient, url: str, payload: Document, at: float) -> httpx.Response:
    """Send what somebody did by HTTP, signed."""
    body = form(payload)
    return await client.post(url, content=body, headers=signed(body, at))
