"""YAML with comments: PyYAML writes the scalars, this writes the structure, because PyYAML can't write a comment."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

import yaml

from authz.adapters.envoy_config.document import item_path

if TYPE_CHECKING:
    from authz.adapters.envoy_config.document import Path, Plain

_WIDTH: Final = 110
_INDENT: Final = "  "

CommentOf = Callable[["Path"], str | None]


def yaml_text(document: Mapping[str, Plain], comment_of: CommentOf) -> str:
    """Return block-style YAML of `document`, each node preceded by what `comment_of` says about its path."""
    return "\n".join(_mapping(document, (), "", comment_of)) + "\n"


def comment_lines(text: str, indent: str = "") -> Iterator[str]:
    """Yield `text` as wrapped comment lines; an empty line in it stays one."""
    for paragraph in text.split("\n"):
        lines = textwrap.wrap(
            paragraph, _WIDTH - len(indent) - 2, break_on_hyphens=False, break_long_words=False
        )
        yield from (f"{indent}# {line}" for line in lines or [""])


def _mapping(node: Mapping[str, Plain], path: Path, indent: str, comment_of: CommentOf) -> Iterator[str]:
    for key, value in node.items():
        key_path = (*path, key)
        yield from _comment(key_path, indent, comment_of)
        label = f"{indent}{_scalar(key)}:"
        if isinstance(value, Mapping) and value:
            yield label
            yield from _mapping(value, key_path, indent + _INDENT, comment_of)
        elif isinstance(value, list) and value:
            yield label
            yield from _sequence(value, key_path, indent, comment_of)
        else:
            yield f"{label} {_scalar(value)}"


def _sequence(items: list[Plain], path: Path, indent: str, comment_of: CommentOf) -> Iterator[str]:
    for item in items:
        if not (isinstance(item, Mapping) and item):
            yield f"{indent}- {_scalar(item)}"
            continue
        named = item_path(path, item)
        if named != path:
            yield from _comment(named, indent, comment_of)
        lines = _mapping(item, named, indent + _INDENT, comment_of)
        yield from _dashed(lines, indent)


def _dashed(lines: Iterator[str], indent: str) -> Iterator[str]:
    """Put the dash of a list item before its first line that isn't a comment."""
    pending = True
    for line in lines:
        if pending and not line.lstrip().startswith("#"):
            pending = False
            yield f"{indent}- {line.removeprefix(indent + _INDENT)}"
        else:
            yield line


def _comment(path: Path, indent: str, comment_of: CommentOf) -> Iterator[str]:
    text = comment_of(path)
    if text is not None:
        yield from comment_lines(text, indent)


def _scalar(value: Plain) -> str:
    if isinstance(value, str) and "\n" in value:
        return json.dumps(value)  # a JSON string is a YAML string, and stays on its line
    text: str = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return text.removesuffix("\n").removesuffix("...").removesuffix("\n")
