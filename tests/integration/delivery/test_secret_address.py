"""The webhook's address is its password, so it must not be found in any log, whatever level is on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from authz.adapters.http_post import poster
from authz.adapters.http_post.client import webhook_client
from authz.adapters.teams.workflows import WorkflowsChannel, WorkflowsSettings
from authz.domain.events import EventType
from authz.entrypoints.demo.workflows_receiver import WorkflowsReceiver
from authz.services.ports import ChannelFailed, Posting
from tests.support.faulty_receiver import Fault, FaultyReceiver
from tests.support.sample_tickets import CREATED_AT, ticket
from tests.support.workflows_server import SIGNATURE, serving

POSTING = Posting(EventType.TICKET_CREATED, ticket(), CREATED_AT)


async def everything_logged(caplog: pytest.LogCaptureFixture) -> str:
    """Post with each outcome there is, with every logger at its loudest; return all records and errors."""
    told: list[str] = []
    receiver = FaultyReceiver(
        SIGNATURE, per_second=0, faults=[Fault(), Fault(500), Fault(404), Fault(hang_s=9)]
    )
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with webhook_client(0.3, trust_env=False) as client:
        async with serving(receiver) as webhook:
            bounds = WorkflowsSettings("https://holdgate.example", timeout_s=0.3)
            channel = WorkflowsChannel(client, webhook, bounds)
            assert await channel.send(POSTING) == "accepted"
            told += [await failure(channel) for _ in range(3)]
        told.append(await failure(channel))  # nobody listens any more
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]
    return "\n".join([*told, *(f"{record.getMessage()} {record.args!r}" for record in ours)])


async def failure(channel: WorkflowsChannel) -> str:
    """Post, and return the error that comes of it."""
    with pytest.raises(ChannelFailed) as caught:
        await channel.send(POSTING)
    return repr(caught.value)


async def test_no_record_and_no_error_holds_the_address(caplog: pytest.LogCaptureFixture) -> None:
    assert SIGNATURE not in await everything_logged(caplog)


async def test_the_http_client_would_log_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without our filter httpx writes the whole address."""

    @contextmanager
    def logged() -> Iterator[None]:
        yield

    monkeypatch.setattr(poster, "unlogged", logged)
    assert SIGNATURE in await everything_logged(caplog)


async def test_others_may_still_log_their_requests(caplog: pytest.LogCaptureFixture) -> None:
    """Only our posts are silent; the filter lets everybody else's records through."""
    receiver = WorkflowsReceiver(SIGNATURE)
    caplog.set_level(logging.INFO, logger="httpx")
    async with serving(receiver) as webhook, webhook_client(trust_env=False) as client:
        await WorkflowsChannel(client, webhook, WorkflowsSettings("https://holdgate.example")).send(POSTING)
        assert not [record for record in caplog.records if record.name == "httpx"]
        await client.get(webhook.partition("/workflows")[0] + "/messages")
    assert [record for record in caplog.records if record.name == "httpx"]
