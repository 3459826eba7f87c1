"""A ticket that is none, or somebody else's: one answer for all of them, and no Redis command for a forged one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

from authz.domain.token import TicketKey, TokenMint, ticket_id
from authz.settings_loader import load_settings
from tests.e2e.envoy_config.http1 import Message
from tests.e2e.envoy_config.stack import ext_authz
from tests.e2e.gate.conftest import Unguarded
from tests.support.gate import TICKET, Document, Gate, Held, envoy_before, problem
from tests.support.gate_backing import fresh

Spoil = Callable[[Gate, Held], list[bytes]]


def unknown(gate: Gate, held: Held) -> list[bytes]:  # noqa: ARG001 - one signature for all
    """Our own signature under an id that was never stored."""
    mint = TokenMint(load_settings(gate.environ).keys)
    return [mint.mint(ticket_id(0, b"\x07" * 16)).encode()]


def other_partition(gate: Gate, held: Held) -> list[bytes]:  # noqa: ARG001 - one signature for all
    mint = TokenMint(load_settings(gate.environ).keys)
    return [mint.mint(ticket_id(15, b"\x07" * 16)).encode()]


def other_key(gate: Gate, held: Held) -> list[bytes]:  # noqa: ARG001 - one signature for all
    return [TokenMint([TicketKey("test", b"k" * 32)]).mint(held.id).encode()]


def unknown_key(gate: Gate, held: Held) -> list[bytes]:  # noqa: ARG001 - one signature for all
    return [TokenMint([TicketKey("other", b"k" * 32)]).mint(held.id).encode()]


FORGED: dict[str, Spoil] = {
    "signed with another key": other_key,
    "signed with a key that nobody knows": unknown_key,
    "one character of the signature changed": lambda _, held: [held.token[:-2].encode() + b"-A"],
    "the id of another ticket": lambda _, held: [held.token.replace(held.id, "0-" + "a" * 26).encode()],
    "the id alone": lambda _, held: [held.id.encode()],
    "cut": lambda _, held: [held.token[:-1].encode()],
    "with a letter too many": lambda _, held: [held.token.encode() + b"A"],
    "padded": lambda _, held: [held.token.encode() + b"="],
    "in capitals": lambda _, held: [held.token.upper().encode()],
    "empty": lambda _gate, _held: [b""],
    "nonsense": lambda _gate, _held: [b"hg1...."],
    "outside UTF-8": lambda _, held: [held.token.encode() + b"\xff"],
    "very long": lambda _gate, _held: [b"hg1." + b"a" * 20_000],
    "twice the same": lambda _, held: [held.token.encode()] * 2,
    "twice, with a forged one first": lambda gate, held: [*other_key(gate, held), held.token.encode()],
    "twice, with a forged one last": lambda gate, held: [held.token.encode(), *other_key(gate, held)],
    "twice, with an empty one": lambda _, held: [b"", held.token.encode()],
    "with a comma": lambda _, held: [f"{held.token},{held.token}".encode()],
    "with a comma and nothing": lambda _, held: [f"{held.token},".encode()],
}
NOT_STORED: dict[str, Spoil] = {"unknown": unknown, "of a partition that isn't": other_partition}
Mode = Literal["raw", "plain"]


def plain_headers(document: Document) -> None:
    ext_authz(document)["encode_raw_headers"] = False


@pytest.fixture(scope="module")
def plain_gate(shared_gate: Gate) -> Iterator[Gate]:
    """The same servers behind an Envoy that joins headers, as one without our configuration does."""
    with envoy_before(shared_gate.backing, shared_gate.environ, shared_gate.servers, plain_headers) as gate:
        yield gate


@pytest.fixture(params=["raw", "plain"])
def either(request: pytest.FixtureRequest, gate: Gate, plain_gate: Gate) -> Gate:
    mode: Mode = request.param
    return gate if mode == "raw" else plain_gate


@contextmanager
def redis_commands(gate: Gate) -> Iterator[list[str]]:
    """Give the scripts that are called for a ticket while the block runs."""
    seen: list[str] = []
    with gate.backing.database() as database, database.monitor() as monitor:
        yield seen
        database.execute_command("PING", "the end")
        for command in monitor.listen():
            if command["command"] == "PING the end":
                return
            if command["command"].startswith("EVAL") and ":ticket:" in command["command"]:
                seen.append(command["command"])


def without_variables(response: Message) -> tuple[object, ...]:
    """Return all of a response that could differ for a reason of ours."""
    own = [(name, value) for name, value in response.headers if name not in {"date", "x-request-id"}]
    return response.start_line, own, response.body


def with_ticket(values: list[bytes]) -> list[tuple[str, bytes]]:
    return [(TICKET, value) for value in values]


def test_every_bad_ticket_is_answered_alike_and_a_forged_one_asks_redis_nothing(either: Gate) -> None:
    path = fresh("hold")
    held = either.approved(path)
    before = either.record(held.id)
    with redis_commands(either) as forged:
        answers: dict[str, Any] = {
            name: without_variables(either.send(path, *with_ticket(spoil(either, held))))
            for name, spoil in FORGED.items()
        }
    with redis_commands(either) as not_stored:
        for name, spoil in NOT_STORED.items():
            answers[name] = without_variables(either.send(path, *with_ticket(spoil(either, held))))
    foreign = either.send(path, held.ticket, who="carol")
    answers["another principal's"] = without_variables(foreign)
    answers["nobody's"] = without_variables(either.send(path, held.ticket, who=None))
    assert (foreign.status, problem(foreign)) == (403, "ticket-refused")
    assert {name for name, answer in answers.items() if answer != without_variables(foreign)} == set()
    assert forged == []
    assert len(not_stored) == 1  # a partition that there isn't is known without asking
    assert either.hits(path) == 0
    assert either.record(held.id) == before
    assert either.send(path, held.ticket).status == 200
    assert either.hits(path) == 1


@pytest.mark.parametrize("kind", ["open", "closed"])
def test_what_the_policy_would_say_changes_nothing_about_a_bad_ticket(kind: str, gate: Gate) -> None:
    path = fresh(kind)
    held = gate.approved(fresh("hold"))
    refused = without_variables(gate.send(fresh("hold"), *with_ticket(other_key(gate, held))))
    for spoil in (other_key, unknown):
        assert without_variables(gate.send(path, *with_ticket(spoil(gate, held)))) == refused
    assert without_variables(gate.send(path, held.ticket, who="carol")) == refused
    assert gate.hits(path) == 0
    assert not [each for each in gate.backing.opa.inputs if path in json_text(each)]


@pytest.mark.parametrize("kind", ["hold", "open"])
def test_a_foreign_ticket_tells_nothing_of_the_request_it_is_for(kind: str, gate: Gate) -> None:
    held = gate.approved(fresh("hold"))
    other = gate.send(fresh(kind), held.ticket, ("x-env", b"other"), who="carol", method="PUT", body=b"a")
    assert problem(other) == "ticket-refused"


def test_control_without_the_signature_a_made_up_ticket_costs_a_look_up(unguarded: Unguarded) -> None:
    gate = unguarded.gate
    held = gate.approved(fresh("hold"))
    with unguarded.guards.without("mac"), redis_commands(gate) as seen:
        gate.send(fresh("hold"), *with_ticket(FORGED["one character of the signature changed"](gate, held)))
    assert seen


def test_control_without_the_owner_a_stolen_ticket_lets_a_thief_through(unguarded: Unguarded) -> None:
    gate, path = unguarded.gate, fresh("hold")
    held = gate.approved(path)
    with unguarded.guards.without("owner"):
        assert gate.send(path, held.ticket, who="carol").status == 200
    assert gate.hits(path) == 1


def json_text(document: object) -> str:
    return repr(document)
