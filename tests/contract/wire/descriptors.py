"""Writes down a gRPC service's messages as plain data, to be compared.

Also a script, `python descriptors.py MODULE SERVICE`, that prints JSON in an environment that has only the
generated code. It imports nothing of the project for that reason.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

Tree = dict[str, Any]


def describe(module_name: str, service_name: str) -> Tree:
    """Return the methods of a service with every message and enum that they reach.

    Names lose the package of their file, so that messages in one file compare with messages in several; those
    of `google.*` keep it and are not descended into, being the same files on both sides.
    """
    module = importlib.import_module(module_name)
    service = module.DESCRIPTOR.services_by_name[service_name]
    tree: Tree = {"methods": {}, "messages": {}, "enums": {}}
    origins: dict[str, str] = {}
    for method in service.methods:
        tree["methods"][f"/{service.full_name}/{method.name}"] = {
            "takes": _name(method.input_type),
            "gives": _name(method.output_type),
            "streams": [method.client_streaming, method.server_streaming],
        }
        for message in (method.input_type, method.output_type):
            _add(message, tree, origins)
    return tree


def _add(message: Descriptor, tree: Tree, origins: dict[str, str]) -> None:
    name = _name(message)
    if origins.setdefault(name, message.full_name) != message.full_name:
        raise ValueError(f"{name} is the name of both {origins[name]} and {message.full_name}")
    if name in tree["messages"] or name.startswith("google."):
        return
    tree["messages"][name] = {field.name: _field(field) for field in message.fields}
    for field in message.fields:
        if field.message_type is not None:
            _add(field.message_type, tree, origins)
        if field.enum_type is not None:
            values = {value.name: value.number for value in field.enum_type.values}
            tree["enums"][_name(field.enum_type)] = values


def _field(field: FieldDescriptor) -> Tree:
    composite = field.message_type or field.enum_type
    map_entry = field.message_type is not None and field.message_type.GetOptions().map_entry
    return {
        "number": field.number,
        "kind": field.type,
        "type": _name(composite) if composite is not None else None,
        "repeated": field.is_repeated,
        "packed": field.is_packed,
        "presence": field.has_presence,
        "map": map_entry,
        "oneof": field.containing_oneof.name if field.containing_oneof is not None else None,
        "json_name": field.json_name,
    }


def _name(descriptor: Descriptor | EnumDescriptor) -> str:
    package = descriptor.file.package
    return descriptor.full_name if package.startswith("google.") else descriptor.full_name[len(package) + 1 :]


if __name__ == "__main__":
    json.dump(describe(sys.argv[1], sys.argv[2]), sys.stdout)
