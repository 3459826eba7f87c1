"""Messages as protobuf-JSON: names in lowerCamelCase, enums by name, bytes in base64, times in RFC 3339."""

from __future__ import annotations

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message


def document(message: Message) -> str:
    """Return a message over several lines."""
    return MessageToJson(message, always_print_fields_with_no_presence=True, ensure_ascii=True)


def line(message: Message) -> str:
    """Return a message on one line, for NDJSON."""
    return MessageToJson(message, always_print_fields_with_no_presence=True, ensure_ascii=True, indent=None)
