"""What stands around a gate: Redis, OPA, a chat room, an upstream that counts, and the keys of this run."""

from __future__ import annotations

import json
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Final

from redis import Redis

from authz.domain.identity import Identity
from authz.entrypoints.demo.people import ISSUER
from authz.entrypoints.demo.signing import AUDIENCE, SigningKey
from tests.e2e.envoy_config.http1 import Recorder, recording
from tests.support.gate_opa import TEST_POLICY, GateOpa
from tests.support.gate_room import GateRoom, room
from tests.support.redis_server import RedisServer

BODY_LIMIT: Final = 4096
BOUND_HEADER: Final = "x-env"
"""What HOLDGATE_BIND_HEADERS names in these gates."""

ROBOT: Final = "robot"
"""The subject of a principal that several share."""


@dataclass(frozen=True, slots=True)
class Backing:
    """Everything of a gate but Holdgate and Envoy. `sockets` is a folder with a short path."""

    folder: Path
    sockets: Path
    redis: RedisServer
    opa: GateOpa
    upstream: Recorder
    room: GateRoom
    key: SigningKey = field(default_factory=SigningKey.new, repr=False)
    ticket_key: str = field(default_factory=lambda: urlsafe_b64encode(token_bytes(32)).decode(), repr=False)

    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def jwks(self) -> Path:
        return self.folder / "jwks.json"

    def token(self, who: str) -> str:
        """Return a bearer token that Envoy believes."""
        if who not in self.tokens:
            self.tokens[who] = self.key.token(who, who.capitalize())
        return self.tokens[who]

    def database(self) -> Redis:
        """Return a client of the tickets' Redis; close it."""
        return Redis.from_url(self.redis.url, socket_timeout=5)

    def environ(self) -> dict[str, str]:
        """Return the settings that every server of the gate shares. Generous, because the machine is busy."""
        return {
            "HOLDGATE_OPA_URL": self.opa.url,
            "HOLDGATE_OPA_TIMEOUT": "2s",
            "HOLDGATE_REDIS_URL": self.redis.url,
            "HOLDGATE_REDIS_TIMEOUT": "2s",
            "HOLDGATE_CHECK_TIMEOUT": "8s",
            "HOLDGATE_DRAIN_DELAY": "0s",
            "HOLDGATE_SHUTDOWN_GRACE": "1s",
            "HOLDGATE_TICKET_KEYS": f"test:{self.ticket_key}",
            "HOLDGATE_PRINCIPAL_FROM": "metadata:envoy.filters.http.jwt_authn/jwt/sub",
            "HOLDGATE_SHARED_PRINCIPALS": str(Identity(ISSUER, ROBOT)),
            "HOLDGATE_BIND_HEADERS": BOUND_HEADER,
            "HOLDGATE_BODY_LIMIT": str(BODY_LIMIT),
            "HOLDGATE_MAX_OPEN_TICKETS_PER_REQUESTER": "5000",
            # A burst of 200 needs not be spread evenly over two servers.
            "HOLDGATE_MAX_CONCURRENT_CHECKS": "1024",
            "HOLDGATE_TICKETS_PER_MINUTE": "100000",
            "HOLDGATE_TICKETS_PER_MINUTE_PER_REQUESTER": "100000",
            "HOLDGATE_TICKETS_PER_MINUTE_PER_RULE": "100000",
            "HOLDGATE_STRONG_SIGN_IN": "strong",
            "HOLDGATE_CHANNELS": json.dumps({"room": {"kind": "teams-workflows", "url": self.room.webhook}}),
            "HOLDGATE_ROUTES": json.dumps({"default": ["room"]}),
            "HOLDGATE_ENVOY_UPSTREAM": f"127.0.0.1:{self.upstream.port}",
            "HOLDGATE_ENVOY_JWT_ISSUER": ISSUER,
            "HOLDGATE_ENVOY_JWT_AUDIENCES": AUDIENCE,
            "HOLDGATE_ENVOY_JWT_JWKS_FILE": str(self.jwks),
        }


@contextmanager
def backing(folder: Path, policy: str = TEST_POLICY) -> Iterator[Backing]:
    """Run it all until the block ends; `policy` is the folder of OPA's."""
    with ExitStack() as stack:
        # A socket's path may not be longer than 103 bytes on macOS, and pytest's folders are deep.
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gate-")))
        server = RedisServer(folder)
        server.start()
        stack.callback(server.stop)
        made = Backing(
            folder,
            sockets,
            server,
            stack.enter_context(GateOpa(folder, sockets, policy).running()),
            stack.enter_context(recording()),
            stack.enter_context(room()),
        )
        made.jwks.write_text(made.key.jwks())
        yield made


def fresh(kind: str) -> str:
    """Return a path that nobody used before, for which the policy says `kind`."""
    return f"/{kind}/{token_hex(6)}"
