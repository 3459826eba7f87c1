from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from authz.setting_issuer import check_issuer, check_reach_of_sign_in
from authz.setting_sources import PREFIX
from authz.setting_values import Names, Timeout


class SignInSettings(BaseModel):
    """Signing in."""

    # The OpenID provider that people sign in with, exactly as it calls itself (`issuer`). Without one, and outside the
    # demo, the console serves the status of tickets and nothing else. See [signing in](sign-in.md).
    oidc_issuer: str = ""
    # What the provider knows Holdgate as.
    oidc_client_id: str = Field("", validate_default=True)
    # The secret that goes with it; empty for a public client.
    oidc_client_secret: SecretStr = SecretStr("")
    # What is asked for; `openid` has to be among them.
    oidc_scopes: Names = ("openid", "profile")
    # The claim with a person's name, for showing.
    oidc_name_claim: str = Field("name", min_length=1)
    # The claim with a person's groups. Empty: the directory says who is in which group; see
    # [groups](sign-in.md#groups).
    oidc_groups_claim: str = ""
    # How long groups from a claim are believed; then people sign in again.
    oidc_groups_max_age: Timeout = 3_600_000
    # How long one answer of the provider may take.
    oidc_timeout: Timeout = 5_000
    # How long a session lasts unused.
    session_idle: Timeout = 30 * 60_000
    # How long it lasts in any case.
    session_lifetime: Timeout = 8 * 3_600_000

    @field_validator("oidc_issuer")
    @classmethod
    def _one_providers_name(cls, value: str, info: ValidationInfo) -> str:
        if value:
            check_issuer(value)
            if "public_url" in info.data:  # else it has problems of its own
                check_reach_of_sign_in(info.data["public_url"])
        return value

    @field_validator("oidc_client_id")
    @classmethod
    def _both_or_neither(cls, value: str, info: ValidationInfo) -> str:
        issuer = info.data.get("oidc_issuer")
        if issuer and not value:
            msg = f"needed beside {PREFIX}OIDC_ISSUER: what the provider knows Holdgate as"
            raise ValueError(msg)
        if value and issuer == "":
            msg = f"{PREFIX}OIDC_ISSUER is needed beside it: the provider that knows this client"
            raise ValueError(msg)
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _openid_among_them(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            msg = "openid must be among them: nothing else says who somebody is"
            raise ValueError(msg)
        return value
