from __future__ import annotations

from pydantic import BaseModel, Field, field_validator

from authz.setting_values import Timeout, check_opa_url


class PolicySettings(BaseModel):
    """The policy."""

    # Where OPA listens: `http://…`, `https://…` or `unix:///path/to/socket`.
    opa_url: str = "http://127.0.0.1:8181"
    # The rule that is asked on every request, as a path below `/v1/data`.
    opa_decision_path: str = Field("envoy/authz/allow", min_length=1)
    # The rule that answers `{ns, id}` with a person; see [policies](policies.md).
    opa_directory_path: str = Field("holdgate/directory/person", min_length=1)
    # The rule that is asked whether somebody may vote, withdraw, cancel, revoke, review or look; empty for the
    # built-in one. It can only allow less; see [approvals](approvals.md).
    opa_vote_path: str = ""
    # Leave `parsed_body` and `truncated_body` out of the input: for policies that don't look at bodies.
    skip_body_parse: bool = False
    # A file with a FileDescriptorSet (`protoc --include_imports`), by which gRPC bodies are parsed; none while empty.
    proto_descriptor: str = ""
    # Ask the policy, log what it says, and let everything through: denials and holds too. No tickets are opened.
    dry_run: bool = False
    # How long one answer of OPA may take; less where less is left of Envoy's deadline.
    opa_timeout: Timeout = 150
    # Connections to OPA, which is also how many questions are under way at once.
    opa_connections: int = Field(64, ge=1, le=4096)
    # A longer answer of OPA is an error.
    opa_max_answer_bytes: int = Field(1 << 20, ge=1024)

    @field_validator("opa_url")
    @classmethod
    def _reachable_opa(cls, value: str) -> str:
        return check_opa_url(value)
