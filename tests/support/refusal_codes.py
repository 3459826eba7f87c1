"""Every code with which people are refused, read from the source: a new one can't be forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

AUTHZ = Path(__file__).parents[2] / "authz"


def refusal_codes(*folders: str) -> frozenset[str]:
    """Return what stands in `code = "…"` before a VoteRefused, anywhere in these folders of the package."""
    return frozenset(
        code
        for folder in folders
        for path in sorted((AUTHZ / folder).rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _refuses(function)
        for code in _codes(function)
    )


def _refuses(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "VoteRefused" for node in ast.walk(function))


def _codes(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                yield code
            case ast.Call(func=ast.Name(id="VoteRefused"), args=[ast.Constant(value=str(code)), *_]):
                yield code
            case _:
                pass
