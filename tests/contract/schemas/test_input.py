"""The published schemas of what policies see know every key that Holdgate sends."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson
import pytest

from authz.adapters.envoy.check_request import gated_request
from authz.adapters.envoy.policy_input import policy_input
from authz.domain.errors import BadRequest
from authz.entrypoints.cli.schema import schema_text
from authz.services.check.approval_input import approval_input
from authz.wire.ext_authz_pb2 import CheckRequest
from tests.contract.plugin.case import cases
from tests.contract.schemas.judging import judge
from tests.support.sample_tickets import approved, ticket, vote


def closed(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a schema in which an object has no other keys than those that are named."""
    match node:
        case {"properties": dict(), **rest} if "additionalProperties" not in rest:
            return {key: closed(value) for key, value in node.items()} | {"additionalProperties": False}
        case dict():
            return {key: closed(value) for key, value in node.items()}
        case list():
            return [closed(value) for value in node]
        case _:
            return node


INPUT = closed(json.loads(schema_text("input")))
JUDGE = judge(INPUT)


def sent(check: CheckRequest) -> dict[str, Any]:
    # A JSON body goes to OPA byte for byte, with numbers and letters that Python's parsers refuse.
    written = orjson.dumps(policy_input(check, gated_request(check, 65_536)))
    found: dict[str, Any] = json.loads(written.decode(errors="replace"))
    return found


def problems(document: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in JUDGE.iter_errors(document)]


def inputs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the input of every case that has one: what can't be parsed is answered without the policy."""
    for case in cases():
        with suppress(BadRequest):
            yield case.name, sent(case.request)


ALL = dict(inputs())


def test_every_input_that_was_compared_with_the_plugins_is_described() -> None:
    assert len(ALL) > 400
    assert {name: found for name, document in ALL.items() if (found := problems(document))} == {}


def test_an_approved_tickets_part_is_described() -> None:
    part = approval_input(approved(ticket(), vote()), replay=False)
    assert problems(sent(CheckRequest()) | {"approval": orjson.loads(orjson.dumps(part))}) == []
    assert part["votes"]


@pytest.mark.parametrize("key", ["parsed_path", "truncated_body", "attributes"])
def test_a_key_that_the_schema_lacks_would_be_noticed(key: str) -> None:
    """Control: the comparison is closed."""
    lacking = copy.deepcopy(INPUT)
    del lacking["properties"][key]
    document = next(document for document in ALL.values() if key in document)
    assert not judge(lacking).is_valid(document)
