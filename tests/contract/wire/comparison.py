"""Says in sentences how one description of a service differs from another."""

from __future__ import annotations

from collections.abc import Mapping

from tests.contract.wire.descriptors import Tree


def differences(upstream: Tree, ours: Tree, left_out: Mapping[str, str]) -> list[str]:
    """Compare `ours` with `upstream`. `left_out` says why ours goes without a field ("Message.field")."""
    found = _compare("method", upstream["methods"], ours["methods"])
    found += _compare("message", dict.fromkeys(upstream["messages"]), dict.fromkeys(ours["messages"]))
    found += _compare("field", _fields(upstream), _fields(ours), left_out)
    found += _compare("enum", upstream["enums"], ours["enums"])
    return found


def _fields(tree: Tree) -> Tree:
    return {
        f"{message}.{name}": field
        for message, fields in tree["messages"].items()
        for name, field in fields.items()
    }


def _compare(noun: str, upstream: Tree, ours: Tree, left_out: Mapping[str, str] | None = None) -> list[str]:
    excused = set(left_out or ())
    found = [f"{noun} {name} is missing" for name in upstream if name not in ours and name not in excused]
    found += [f"{noun} {name} is ours alone" for name in ours if name not in upstream]
    found += [f"{noun} {name} is not left out" for name in excused if name in ours or name not in upstream]
    found += [
        f"{noun} {name} is {ours[name]}, not {upstream[name]}"
        for name in upstream
        if name in ours and ours[name] != upstream[name]
    ]
    return found
