"""Cases as data: a request, the policy's answer to it, and what Envoy is told then.

A case without a policy shows the input document. `result` is the policy's result as JSON, `policy` is Rego that
defines `allow`. `expect` is what the OPA Envoy plugin was observed to answer; where Holdgate means to differ,
`holdgate` has its own answer and the name of the reason in docs/compatibility.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf import duration_pb2
from google.protobuf.json_format import ParseDict

from authz.wire.ext_authz_pb2 import CheckRequest

HERE: Final = Path(__file__).parent
# What a case packs into an Any is known by its import.
PACKED: Final = (duration_pb2.Duration,)
CONFIGURATIONS: Final = ("default", "skip-body-parse", "dry-run")


class Number(str):
    """A JSON number as it is written: policies can see the difference between 1e2 and 100."""

    __slots__ = ()


def exact(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON with numbers as they are written. Raises ValueError."""
    return json.loads(text, parse_int=Number, parse_float=Number)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a file below cases/; its name is unique in all of them."""

    name: str
    configuration: str
    request: CheckRequest
    policy: str
    observed: Any
    expected: Any
    reason: str


def cases() -> Iterator[Case]:
    """Read all of them, in the order of files and lines."""
    for path in sorted((HERE / "cases").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        for item, written in zip(json.loads(text), exact(text), strict=True):
            yield read(item, written)


def read(item: dict[str, Any], written: dict[str, Any]) -> Case:
    """Make a case of its JSON; `written` is the same with numbers as they are written."""
    name = item["name"]
    request = ParseDict(item["request"], CheckRequest())
    policy = item.get("policy", "")
    if "result" in item:
        policy = f"allow := {json.dumps(item['result'])}"
    if policy:
        request.attributes.context_extensions["case"] = name
    observed = written.get("expect")
    own = written.get("holdgate", {})
    return Case(
        name=name,
        configuration=item.get("configuration", "default"),
        request=request,
        policy=policy,
        observed=observed,
        expected=own.get("expect", observed),
        reason=own.get("reason", ""),
    )


def write_policies(folder: Path, of: Sequence[Case]) -> None:
    """Write the Rego that answers these cases, one module each."""
    (folder / "base.rego").write_text((HERE / "base.rego").read_text(encoding="utf-8"), encoding="utf-8")
    for case in of:
        if case.policy:
            module = f'package cases["{case.name}"]\n\n{case.policy}\n'
            (folder / f"{case.name}.rego").write_text(module, encoding="utf-8")
