"""A real OPA, looked at by the doctor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from authz.adapters.opa.inspection import OpaInspection
from authz.services.doctor.opa import OpaFacts, judge_opa
from tests.integration.policies.opa_server import RunningOpa, copy_policies, running_opa
from tests.support.ports import free_port


def facts(url: str, **known: str | int | bool) -> OpaFacts:
    given = {
        "where": url,
        "local": True,
        "encrypted": False,
        "timeout": 5000,
        "decision_path": "envoy/authz/allow",
        "directory_path": "holdgate/directory/person",
        **known,
    }
    return OpaFacts(**given)  # type: ignore[arg-type]  # the names are its fields


async def codes(url: str, **known: str | int | bool) -> set[str]:
    looked = await OpaInspection(facts(url, **known), url, max_answer_bytes=1 << 20).look()
    return {finding.code for finding in judge_opa(looked)}


def url_of(opa: RunningOpa) -> str:
    transport: Any = opa.http._transport
    return f"unix://{transport._pool._uds}"  # where the test's own client goes


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOpa]:
    folder = tmp_path_factory.mktemp("opa")
    copy_policies(folder)
    with running_opa(folder) as opa:
        yield opa


@contextmanager
def edited(folder: Path, change: str, file: str = "demo/authz.rego") -> Iterator[RunningOpa]:
    """Run OPA with other text in one of the policies' files."""
    (copy_policies(folder) / file).write_text(change)
    with running_opa(folder) as opa:
        yield opa


async def test_opa_as_documented_is_fine(documented: RunningOpa) -> None:
    looked = await OpaInspection(facts("opa"), url_of(documented), max_answer_bytes=1 << 20).look()
    assert {finding.code for finding in judge_opa(looked)} == {"opa-answers"}
    assert looked.version.startswith("1.")
    assert looked.skew is not None
    assert abs(looked.skew) < 3


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"decision_path": "envoy/authz/alow"}, "opa-decision-undefined"),
        ({"decision_path": "holdgate/directory"}, "opa-decision-shape"),
        ({"directory_path": "holdgate/persons/person"}, "opa-directory-undefined"),
        ({"directory_path": "envoy/authz/allow"}, "opa-directory-failed"),
        ({"timeout": 0}, "opa-late"),
    ],
)
async def test_each_wrong_path_is_named(
    documented: RunningOpa, known: dict[str, str | int | bool], code: str
) -> None:
    assert await codes(url_of(documented), **known) == {"opa-answers", code}


async def test_a_policy_that_conflicts_with_itself_is_named(tmp_path: Path) -> None:
    conflict = "package envoy.authz\n\nallow := true\n\nallow := false\n"
    with edited(tmp_path, conflict, "demo/conflict.rego") as opa:
        assert await codes(url_of(opa), decision_path="envoy/authz/allow") >= {
            "opa-answers",
            "opa-decision-failed",
        }


async def test_a_decision_log_without_a_mask_is_named(tmp_path: Path) -> None:
    with edited(tmp_path, "package system.log\n", "opa/mask.rego") as opa:
        assert await codes(url_of(opa)) == {"opa-answers", "opa-decision-log-unmasked"}


async def test_an_opa_that_is_not_there_is_named_and_nothing_else() -> None:
    assert await codes(f"http://127.0.0.1:{free_port()}") == {"opa-unreachable"}
    assert await codes("unix:///nowhere/opa.sock") == {"opa-unreachable"}
