from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from authz.setting_listeners import check_listen


class OperationsSettings(BaseModel):
    """Operations."""

    # Where metrics and probes are served: loopback or `unix:/path`; see [operations](operations.md).
    metrics_listen: str = Field("127.0.0.1:9464", min_length=1, validate_default=True)
    # What is logged: this and what is worse.
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("metrics_listen")
    @classmethod
    def _measured_locally_only(cls, value: str) -> str:
        return check_listen(value)
