from __future__ import annotations

from authz.domain.events import Event, EventType, cloud_event


def test_an_event_is_a_cloud_event() -> None:
    """CloudEvents 1.0, JSON format: the required attributes, a subject, a time, and a versioned `data`."""
    event = Event("17-0", EventType.TICKET_APPROVED, "0-abc", 3, 1_700_000_000_000, {"uses_left": 1})
    assert cloud_event(event, "/holdgate/prod") == {
        "specversion": "1.0",
        "id": "0-abc/17-0",
        "source": "/holdgate/prod",
        "type": "ticket.approved",
        "subject": "0-abc",
        "time": "2023-11-14T22:13:20Z",
        "datacontenttype": "application/json",
        "data": {"v": 1, "rev": 3, "uses_left": 1},
    }


def test_the_names_are_the_catalogue() -> None:
    """They stand in audit records that are kept for years."""
    assert [kind.value for kind in EventType] == [
        "ticket.created",
        "vote.recorded",
        "vote.withdrawn",
        "ticket.approved",
        "ticket.rejected",
        "ticket.expired",
        "ticket.cancelled",
        "ticket.superseded",
        "grant.redeemed",
        "grant.used_up",
        "grant.lapsed",
        "grant.revoked",
        "breakglass.used",
        "breakglass.reviewed",
        "ticket.reminded",
        "ticket.escalated",
    ]
