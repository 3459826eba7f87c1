"""The rows of docs/compatibility.md that a difference can be due to, by their anchors."""

from __future__ import annotations

from typing import Literal

Row = Literal[
    "approval",
    "content-type-case",
    "framing",
    "grpc-any",
    "grpc-depth",
    "grpc-float",
    "grpc-map-entry",
    "grpc-varint",
    "interim-status",
    "json-depth",
    "made-up-ticket",
    "more-statuses",
    "outside-utf8",
    "partial-marker",
    "query-encoding",
    "raw-headers",
    "repeated-headers",
    "reserved-headers",
    "ticket-header",
    "trailing-null",
    "unnamed-quoted-printable",
    "unsafe-headers",
]
Rows = frozenset[Row]
