from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SERVICE_HOSTS: Final = ("smba.trafficmanager.net", "*.teams.microsoft.com")
"""Where the connector of the public cloud and of GCC is. Anybody can have another name below trafficmanager.net."""


@dataclass(frozen=True, slots=True)
class BotSettings:
    """One bot, registered in one tenant. `timeout_s` bounds each question to the vendor as a whole.

    `service_hosts` are those that may get the bot's token, `*.` standing for one label or more; plain http is for
    loopback addresses alone, and only where they are listed. `allow_unauthenticated_loopback` is for a test client that
    has no tokens: then activities are taken without one, they are answered without one, and both only where the
    service is on this machine. The caller sees to it that such a bot listens on loopback alone.
    """

    app_id: str
    tenant_id: str
    app_secret: str = field(repr=False)
    login_url: str = "https://login.microsoftonline.com"
    openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    service_hosts: tuple[str, ...] = SERVICE_HOSTS
    timeout_s: float = 5.0
    allow_unauthenticated_loopback: bool = False

    def __post_init__(self) -> None:
        """Refuse what would be equal to nothing sent. Raises ValueError."""
        if not self.app_id or not self.tenant_id:
            msg = "a bot has an app id and a tenant id"
            raise ValueError(msg)
