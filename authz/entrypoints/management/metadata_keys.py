"""Names in the metadata of the management API's answers, the same for server and client."""

from __future__ import annotations

from typing import Final

DETAILS_KEY: Final = "grpc-status-details-bin"
"""A google.rpc.Status, in the trailing metadata of an error (gRPC's richer error model)."""

POSITION_KEY: Final = "holdgate-after"
"""The position from which a Watch's events follow, in its initial metadata."""
