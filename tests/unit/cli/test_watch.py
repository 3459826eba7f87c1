from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator

import pytest

from authz.domain.ticket import State
from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from authz.entrypoints.cli.tickets.client import ApprovalsClient
from authz.entrypoints.cli.tickets.event_stream import EventStream
from authz.entrypoints.management.feed import WatchLimits
from tests.support.sample_tickets import draft, vote
from tests.unit.cli.conftest import Holdgate
from tests.unit.cli.management_thread import ManagementThread, management_thread


@pytest.fixture
def client(api: ManagementThread) -> Iterator[ApprovalsClient]:
    client = ApprovalsClient(api.address, lambda: api.tokens.token("bob"))
    yield client
    client.close()


def _then_stop(api: ManagementThread, number: int) -> threading.Thread:
    """Stop the server once so many readers wait."""

    def stop() -> None:
        api.run(api.store.readers(number))
        api.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    return thread


def test_events_are_printed_and_a_stopped_server_says_where_to_go_on(
    holdgate: Holdgate, api: ManagementThread
) -> None:
    ticket = api.run(api.store.create(draft())).ticket
    api.run(api.store.vote(ticket.id, 1, [vote()], State.APPROVED, {}))
    stopping = _then_stop(api, 1)
    result = holdgate("tickets", "watch", "--as", "bob", "--after", "0")
    stopping.join()
    assert [line.split()[1] for line in result.stdout.splitlines()] == [
        "ticket.created",
        "vote.recorded",
        "ticket.approved",
    ]
    assert result.exit_code == 4
    assert result.stderr == (
        "holdgate: Holdgate is shutting down. Resume after the last event.\nholdgate: go on with --after 3\n"
    )


def test_a_watch_that_saw_nothing_can_be_resumed_too(holdgate: Holdgate, api: ManagementThread) -> None:
    api.run(api.store.create(draft()))
    stopping = _then_stop(api, 1)
    result = holdgate("tickets", "watch", "--as", "bob")
    stopping.join()
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.endswith("holdgate: go on with --after 1\n")


def test_json_is_an_event_a_line(holdgate: Holdgate, api: ManagementThread) -> None:
    made = [api.run(api.store.create(draft(number))).ticket.id for number in range(3)]
    stopping = _then_stop(api, 1)
    result = holdgate("tickets", "watch", "--as", "bob", "--json", "--after", "1", made[0], made[2])
    stopping.join()
    [event] = [json.loads(line) for line in result.stdout.splitlines()]
    assert (event["type"], event["ticketId"], event["ticket"]["state"]) == (
        "ticket.created",
        made[2],
        "STATE_PENDING",
    )


def test_a_position_that_is_none_ends_with_2(holdgate: Holdgate) -> None:
    result = holdgate("tickets", "watch", "--as", "bob", "--after", "yesterday")
    assert (result.exit_code, result.stderr) == (2, "holdgate: after must be the id of an event, or empty.\n")


def test_a_stream_whose_time_is_over_goes_on_by_itself_and_misses_nothing() -> None:
    with management_thread(WatchLimits(lifetime=0.2)) as api:
        tokens: list[str] = []

        def token() -> str:
            tokens.append(api.tokens.token("bob"))
            if len(tokens) in {2, 4}:  # between two streams
                api.run(api.store.create(draft(len(tokens))))
            return tokens[-1]

        client = ApprovalsClient(api.address, token)
        events = iter(EventStream(client, [], ""))
        seen = [next(events).id, next(events).id]
        client.close()
    assert seen == ["1", "2"]
    assert len(tokens) >= 4  # each stream proved anew who watches


def test_a_lost_server_is_no_reason_to_forget_the_position(
    client: ApprovalsClient, api: ManagementThread
) -> None:
    api.run(api.store.create(draft()))
    stream = EventStream(client, [], "0")
    events = iter(stream)
    assert next(events).id == "1"
    stopping = _then_stop(api, 1)
    with pytest.raises(CommandFailed) as caught:
        next(events)
    stopping.join()
    assert caught.value.code is ExitCode.UNAVAILABLE
    assert stream.position == "1"


def test_ctrl_c_ends_a_watch_with_130(holdgate: Holdgate, api: ManagementThread) -> None:
    def interrupt() -> None:
        api.run(api.store.readers(1))
        signal.raise_signal(signal.SIGINT)  # the main thread's, whichever thread raises it

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = holdgate("tickets", "watch", "--as", "bob")
    thread.join()
    assert (result.exit_code, result.stderr) == (130, "")
    api.run(api.store.readers(0))
