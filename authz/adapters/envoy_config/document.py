"""Typed messages as the plain data that Envoy reads (protobuf JSON with the field names of the .proto files)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, cast

from authz.adapters.envoy_config.comments import SPELLED_OUT, ends_with_any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from betterproto2 import Casing, Message

Plain: TypeAlias = "Mapping[str, Plain] | list[Plain] | str | int | float | bool | None"
Path: TypeAlias = tuple[str, ...]

# betterproto2's own snake case makes `consecutive_5_xx` of `consecutive_5xx`, which Envoy refuses. Its Python fields
# have the .proto names already, so the casing that is right is none.
_PROTO_NAMES: Final = cast("Casing", str)


def as_document(message: Message, path: Path = ()) -> dict[str, Plain]:
    """Return a message as Envoy's JSON, default values left out except those a reader should see (SPELLED_OUT)."""
    sparse = message.to_dict(casing=_PROTO_NAMES)
    full = message.to_dict(casing=_PROTO_NAMES, include_default_values=True)
    return cast("dict[str, Plain]", _with_spelled_out(sparse, full, path))


def item_path(path: Path, item: Plain) -> Path:
    """Return the path of an item of the list at `path`: by its `name`, where it has one."""
    name = item.get("name") if isinstance(item, dict) else None
    return (*path, name) if isinstance(name, str) else path


def _with_spelled_out(sparse: Plain, full: Plain, path: Path) -> Plain:
    if isinstance(sparse, list) and isinstance(full, list):
        return [
            _with_spelled_out(item, full_item, item_path(path, item))
            for item, full_item in zip(sparse, full, strict=True)
        ]
    if not (isinstance(sparse, dict) and isinstance(full, dict)):
        return sparse
    shown: dict[str, Plain] = {}
    for key, full_value in full.items():
        key_path = (*path, key)
        if key in sparse:
            shown[key] = _with_spelled_out(sparse[key], full_value, key_path)
        elif ends_with_any(key_path, SPELLED_OUT):
            shown[key] = full_value
    return shown
