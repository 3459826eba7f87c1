"""What is fuzzed with bytes: the targets by name, and the inputs to start from."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from tests.contract.plugin.case import cases
from tests.contract.plugin.descriptors import write_descriptors
from tests.fuzz.check_bytes import REDEEMING, CheckBytes, approved_request
from tests.fuzz.differential.chance import Chance
from tests.fuzz.differential.results import result
from tests.fuzz.opa_answers import OpaBody, OpaWire
from tests.support.check_requests import check_request

_GENERATED: Final = 60


class Target(Protocol):
    """Tries one input at a call, and raises when a promise is broken. `seen` counts the decisions."""

    seen: Counter[str]

    def __call__(self, data: bytes) -> None: ...

    def close(self) -> None: ...


def check_bytes() -> CheckBytes:
    """Make the target with the descriptors of the contract's cases."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.pb"
        write_descriptors(path)
        return CheckBytes(path.read_bytes())


def _checks() -> Iterator[bytes]:
    """Every request of the contract's cases, each under another policy, and those of tickets under all."""
    for number, case in enumerate(cases()):
        yield bytes([number % (REDEEMING + 1)]) + case.request.SerializeToString(deterministic=True)
    for choice in range(REDEEMING + 1):
        for request in (check_request(), check_request(raw=False), approved_request()):
            yield bytes([choice]) + request.SerializeToString(deterministic=True)


def _documents() -> Iterator[bytes]:
    """Results of every shape, as OPA wraps them, and what else it answers."""
    for number in range(_GENERATED):
        yield f'{{"result": {result(Chance(f"seed/{number}"))}, "decision_id": "4ca6"}}'.encode()
    for text in (
        *("{}", "null", "[]", '{"result": true}', '{"result": false}', '{"result": {"allowed": true}}'),
        *('{"result": false, "result": true}', '{"result": NaN}', '{"result": {"allowed": 1}}', ""),
        '{"code": "internal_error", "errors": [{"code": "eval_conflict_error", "message": "x"}]}',
    ):
        yield text.encode()
    demand = {"rule": "r", "reason": "x", "approvers": [{"group": "sre", "count": 1}], "expires_in": "5m"}
    yield json.dumps({"result": {"allowed": False, "approval": demand}}).encode()


def _bodies() -> Iterator[bytes]:
    for number, document in enumerate(_documents()):
        yield bytes([number % 6 if number % 4 == 0 else 0]) + document


def _wires() -> Iterator[bytes]:
    """HTTP answers as Go writes them, and as others do."""
    for number, document in enumerate(_documents()):
        size = len(document)
        yield (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
            + document,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size
            + document
            + b"\r\n0\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n" + document,
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + document,
            b"HTTP/1.1 500 -\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size + document,
        )[number % 5]


TARGETS: Final[Mapping[str, Callable[[], Target]]] = {
    "check-bytes": check_bytes,
    "opa-body": OpaBody,
    "opa-wire": OpaWire,
}
# Behind the first byte of these is a CheckRequest.
MESSAGES: Final = frozenset({"check-bytes"})
_SEEDS: Final = {"check-bytes": _checks, "opa-body": _bodies, "opa-wire": _wires}
FOUND: Final = Path(__file__).with_name("found")


def seeds(name: str) -> Sequence[bytes]:
    """Return what to start from: well-formed inputs, and those that guided runs found ways through the code with."""
    return [*_SEEDS[name](), *found(name)]


def found(name: str) -> Sequence[bytes]:
    """Return what `python -m tests.fuzz --keep` wrote."""
    path = FOUND / f"{name}.txt"
    return [bytes.fromhex(line) for line in path.read_text("ascii").split()] if path.exists() else []
