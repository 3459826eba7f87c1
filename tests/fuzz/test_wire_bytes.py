"""Any bytes from Envoy and any from OPA: an answer, no allow but the policy's, and memory that stays flat.

The inputs are the same at every run: what a guided run found before, and damaged requests and answers. `make fuzz`
tries more of them, and looks for new ones by coverage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from unittest.mock import patch

import pytest

from authz.domain.answer import Forward, Kind
from authz.entrypoints.check import handler as module
from authz.services.check import redeeming
from authz.services.check.call import Outcome
from authz.wire.ext_authz_pb2 import CheckResponse
from tests.fuzz.boundary import rendered_logs
from tests.fuzz.check_bytes import REDEEMING, approved_request
from tests.fuzz.differential.chance import Chance
from tests.fuzz.memory import FlatMemory, GrowingMemory
from tests.fuzz.mutations import mutated
from tests.fuzz.targets import MESSAGES, TARGETS, Target, seeds
from tests.fuzz.test_check_handler import EXAMPLES

# Five times as many as Hypothesis makes: these are quick to make. With fewer, a control couldn't leak enough.
INPUTS = max(5 * EXAMPLES, 1_500)
WARM_UP = min(INPUTS // 4, 2_000)
_KEPT = 100_000


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    with rendered_logs():
        yield


def fuzz(name: str, target: Callable[[bytes], None]) -> FlatMemory:
    """Try the inputs of this target, and look at memory between them."""
    memory = FlatMemory(WARM_UP)
    for data in islice(mutated(seeds(name), Chance(name), messages=name in MESSAGES), INPUTS):
        try:
            target(data)
        except Exception as error:
            error.add_note(f"{name}, input {data.hex()}")
            raise
        memory.count()
    return memory


@pytest.fixture(params=TARGETS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def target(name: str) -> Iterator[Target]:
    with closing(TARGETS[name]()) as made:
        yield made


def test_every_input_is_answered_in_flat_memory(name: str, target: Target) -> None:
    """And they are such that requests pass, are refused, held, and fail."""
    fuzz(name, target)
    assert {"allow", "deny", "hold", "error"} <= target.seen.keys(), target.seen
    assert min(target.seen.values()) > 0


def test_an_approved_request_is_among_the_inputs() -> None:
    """So that ways to spend its ticket on another request are looked for from where it is spent."""
    with closing(TARGETS["check-bytes"]()) as target:
        target(bytes([REDEEMING]) + approved_request().SerializeToString())
        assert target.seen == {"allow": 1}


def test_a_ticket_that_fits_anything_is_noticed() -> None:
    """Control: where nothing is compared with what was approved, another request passes."""
    other = approved_request()
    other.attributes.request.http.method = "PATCH"
    data = bytes([REDEEMING]) + other.SerializeToString()
    with closing(TARGETS["check-bytes"]()) as target:
        target(data)
        assert "allow" not in target.seen
        with (
            patch.object(redeeming, "changed_parts", lambda _then, _now: ()),
            pytest.raises(AssertionError, match="didn't give"),
        ):
            target(data)


def test_an_allow_of_ours_is_noticed(name: str, target: Target) -> None:
    """Control: a boundary that answers errors with an allow."""
    open_gate = Outcome(Kind.ALLOW, Forward())
    with (
        patch.object(module.CheckHandler, "_failed", lambda _self, _error: open_gate),
        pytest.raises(AssertionError, match="didn't give"),
    ):
        fuzz(name, target)


def test_an_empty_answer_is_noticed(name: str, target: Target) -> None:
    """Control: a message that nobody filled in, which Envoy takes for an allow."""
    with (
        patch.object(module, "check_response", lambda _outcome, _request: CheckResponse()),
        pytest.raises(AssertionError, match="empty CheckResponse"),
    ):
        fuzz(name, target)


def test_an_error_that_nobody_catches_is_noticed(name: str, target: Target) -> None:
    """Control: one behind the boundary, where a check is recorded."""

    def failing(*_arguments: object) -> None:
        raise KeyError("made up")

    with patch.object(module.CheckHandler, "_record", failing), pytest.raises(KeyError):
        fuzz(name, target)


def test_memory_that_grows_is_noticed(name: str, target: Target) -> None:
    """Control: something that keeps a copy of every check."""
    kept = []

    def leaking(data: bytes) -> None:
        target(data)
        kept.append(b"x" * _KEPT)

    with pytest.raises(GrowingMemory, match="MB more"):
        fuzz(name, leaking)
