"""Somebody else's JSON, read without trust in its shape: what isn't there or is of another kind reads as nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_DURATION: Final = re.compile(r"(-?\d{1,12}(?:\.\d{1,9})?)s", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,19}", re.ASCII)
_TYPED_STRUCTS: Final = ("xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct")


class Node:
    """One value of a protobuf-JSON document with the field names of the .proto files."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        """`value` is what a JSON parser returned, or None."""
        self.value = value

    def __bool__(self) -> bool:
        """Whether there is anything; false and 0 count, an empty message too."""
        return self.value is not None

    def at(self, *path: str) -> Node:
        """Return the member at the end of a path of names."""
        value = self.value
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return Node(value)

    @property
    def text(self) -> str:
        """The string, else an empty one."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def flag(self) -> bool:
        """Whether it is true."""
        return self.value is True

    @property
    def number(self) -> float | None:
        """The number; 64-bit ones are written as strings."""
        match self.value:
            case bool():
                return None
            case int() | float():
                return self.value
            case str() if _NUMBER.fullmatch(self.value):
                return int(self.value)
            case _:
                return None

    @property
    def seconds(self) -> float | None:
        """The google.protobuf.Duration, written as `0.500s`."""
        found = _DURATION.fullmatch(self.text)
        return float(found[1]) if found else None

    @property
    def items(self) -> list[Node]:
        """The items of a list."""
        return [Node(item) for item in self.value] if isinstance(self.value, list) else []

    @property
    def members(self) -> dict[str, Node]:
        """The members of an object."""
        return {name: Node(item) for name, item in self.value.items()} if isinstance(self.value, dict) else {}

    @property
    def kind(self) -> str:
        """The full name of an Any's message, such as `envoy.extensions.filters.http.router.v3.Router`."""
        return self.at("@type").text.rpartition("/")[2]

    @property
    def unpacked(self) -> Node:
        """The same, with the content of a TypedStruct in its place."""
        if self.kind not in _TYPED_STRUCTS or not isinstance(content := self.at("value").value, dict):
            return self
        return Node({**content, "@type": self.at("type_url").text})

    def walk(self) -> Iterator[Node]:
        """Return every object in it, itself included; without recursion, because nesting is somebody else's too."""
        waiting = [self.value]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                yield Node(value).unpacked
                waiting.extend(value.values())
            elif isinstance(value, list):
                waiting.extend(value)

    def strings(self) -> Iterator[str]:
        """Return every string in it."""
        waiting = [self.value]
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                waiting.extend(value.values())
            elif isinstance(value, list):
                waiting.extend(value)
