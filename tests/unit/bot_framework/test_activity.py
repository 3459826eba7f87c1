"""Reading activities: everything that Teams sends, and nothing of another shape."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from authz.adapters.bot_framework.activity import BODY_MAX, Activity, Mention, activity_of, read_document
from authz.adapters.bot_framework.refusal import ActivityMalformed

INVOKE: dict[str, Any] = {
    "type": "invoke",
    "name": "adaptiveCard/action",
    "id": "f:1",
    "timestamp": "2026-11-22T17:24:12.1234567Z",
    "channelId": "msteams",
    "serviceUrl": "https://smba.trafficmanager.net/emea/",
    "from": {"id": "29:bob", "name": "Bob", "aadObjectId": "bob-oid"},
    "conversation": {
        "conversationType": "channel",
        "tenantId": "Tenant",
        "id": "19:ops@thread.tacv2;messageid=17",
        "isGroup": True,
    },
    "recipient": {"id": "28:app", "name": "Holdgate"},
    "channelData": {
        "tenant": {"id": "Tenant"},
        "team": {"id": "19:team@thread.tacv2"},
        "channel": {"id": "19:ops@thread.tacv2"},
    },
    "replyToId": "17",
    "value": {"action": {"type": "Action.Execute", "verb": "approve", "data": {}}, "trigger": "manual"},
    "locale": "en-US",
}


def changed(path: str, value: object) -> bytes:
    """Return the invoke with the value at a dotted path changed; `...` takes it out."""
    document = json.loads(json.dumps(INVOKE))
    *inner, last = path.split(".")
    place = document
    for name in inner:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return orjson.dumps(document)


def read(body: bytes) -> Activity:
    """Return the activity of a body, as a request's is read."""
    return activity_of(read_document(body))


def test_an_invoke_is_read_as_it_is() -> None:
    activity = read(orjson.dumps(INVOKE))
    assert (activity.type, activity.name, activity.id) == ("invoke", "adaptiveCard/action", "f:1")
    assert activity.timestamp_ms == 1_795_368_252_123
    assert activity.service_url == "https://smba.trafficmanager.net/emea/"
    assert (activity.channel_id, activity.tenant) == ("msteams", "Tenant")
    assert activity.conversation_id == "19:ops@thread.tacv2;messageid=17"
    assert activity.conversation_type == "channel"
    assert (activity.from_id, activity.aad_object_id, activity.from_name) == ("29:bob", "bob-oid", "Bob")
    assert (activity.recipient_id, activity.reply_to_id) == ("28:app", "17")
    assert activity.value["trigger"] == "manual"
    assert (activity.team_id, activity.channel) == ("19:team@thread.tacv2", "19:ops@thread.tacv2")
    assert (activity.locale, activity.text, activity.action) == ("en-US", "", "")
    assert (activity.members_added, activity.members_removed, activity.mentions) == ((), (), ())


def test_a_message_says_whom_it_names() -> None:
    mention = {"type": "mention", "text": "<at>Holdgate</at>", "mentioned": {"id": "28:app"}}
    document = INVOKE | {
        "type": "message",
        "text": "<at>Holdgate</at> approvals",
        "entities": [mention, {"type": "clientInfo", "platform": "Web"}],
    }
    activity = read(orjson.dumps(document))
    assert activity.text == "<at>Holdgate</at> approvals"
    assert activity.mentions == (Mention("28:app", "<at>Holdgate</at>"),)


def test_an_installation_says_who_came_and_went() -> None:
    document = {
        "type": "conversationUpdate",
        "conversation": {"id": "a:1"},
        "membersAdded": [{"id": "28:app"}, {"id": "29:bob"}],
        "membersRemoved": [{"id": "29:carol"}],
        "action": "add",
    }
    activity = read(orjson.dumps(document))
    assert (activity.members_added, activity.members_removed) == (("28:app", "29:bob"), ("29:carol",))
    assert (activity.action, activity.timestamp_ms, activity.id) == ("add", 0, "")


@pytest.mark.parametrize("value", [1, "text", [1], None, True])
def test_a_value_that_is_no_buttons_is_none(value: object) -> None:
    assert read(changed("value", value)).value == {}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("type", ..., "type is missing"),
        ("type", "", "type is missing"),
        ("type", 1, "type is no text"),
        ("id", ..., "id is missing"),
        ("id", "x" * 1025, "id is no text of at most 1024"),
        ("from", ..., r"from\.id is missing"),
        ("from", "bob", "from is no object"),
        ("from.id", None, r"from\.id is missing"),
        ("from.aadObjectId", {}, r"from\.aadObjectId is no text"),
        ("conversation", [], "conversation is no object"),
        ("conversation.id", ..., r"conversation\.id is missing"),
        ("conversation.tenantId", 5, r"conversation\.tenantId is no text"),
        ("channelData", "x", "channelData is no object"),
        ("channelData.team", "x", "team is no object"),
        ("serviceUrl", 1, "serviceUrl is no text"),
        ("text", ["x"], "text is no text"),
        ("text", "x" * 65537, "text is no text of at most 65536"),
        ("timestamp", "yesterday", "timestamp is no date"),
        ("timestamp", "2026-11-22T17:24:12", "timestamp has no time zone"),
        ("timestamp", 1_795_368_252, "timestamp is no text"),
        ("membersAdded", {}, "membersAdded is no list"),
        ("membersAdded", ["bob"], "membersAdded is no list"),
        ("membersAdded", [{}], r"membersAdded\[\]\.id is missing"),
        ("membersRemoved", [{"id": "x"}] * 1001, "membersRemoved is no list of at most 1000"),
        ("entities", "x", "entities is no list"),
        ("entities", [{"type": "mention", "mentioned": "bob"}], "mentioned is no object"),
        ("entities", [{"type": "mention", "text": 1}], r"entities\[\]\.text is no text"),
    ],
)
def test_another_shape_is_named(path: str, value: object, said: str) -> None:
    with pytest.raises(ActivityMalformed, match=said):
        read(changed(path, value))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"type": "\\ud800"}', b"[" * 10_000, b'{"type": NaN}'],
)
def test_what_is_no_json_object_is_named(body: bytes) -> None:
    with pytest.raises(ActivityMalformed, match="not a JSON object"):
        read(body)


def test_a_body_is_read_up_to_its_bound() -> None:
    body = orjson.dumps(INVOKE)
    assert read(body.ljust(BODY_MAX)).id == "f:1"
    with pytest.raises(ActivityMalformed, match="longer than"):
        read(body.ljust(BODY_MAX + 1))


def test_no_error_repeats_what_was_sent() -> None:
    with pytest.raises(ActivityMalformed) as malformed:
        read(changed("timestamp", "s3cret"))
    assert "s3cret" not in str(malformed.value)
