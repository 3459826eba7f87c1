"""Secrets as they turn up in logs, and harmless text that looks a little like them.

Every secret is put together here, so that none stands in a file: the made-up part is `«…»` in the text around it.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Final

LONG: Final = "Zx9" + "kQ7vB2mN8cD4fG6h" * 3
LOWER: Final = LONG.lower()
UPPER: Final = "Q7VB2MN8CD4FG6HJ"
HEX: Final = "9f86d081884c7d65" * 3
PEM: Final = "\n".join([LONG, LONG[::-1], LONG])


def _joined(*parts: str) -> str:
    return "".join(parts)


TOKEN: Final = _joined("hg1.k1.", "0-fkaz6rlsxuscnyjd7quioqg6tm", ".", LONG)
JWT: Final = _joined("ey", "JhbGciOiJFUzI1NiJ9.", "eyJzdWIiOiJhbGljZSJ9.", LONG)
BASIC: Final = b64encode(b"alice:" + LONG[:9].encode()).decode()

# By shape: (what must not be found afterwards, a text with it).
BY_SHAPE: Final = {
    "our ticket": (TOKEN, f"the ticket {TOKEN} is unknown"),
    "our ticket in a path": (TOKEN, f"/reset/{TOKEN}/now"),
    "our ticket in a word": (TOKEN, f"x{TOKEN}"),
    "a JWT": (JWT, f"can't verify {JWT}"),
    "a JWT without signature": (JWT.rpartition(".")[0], f"'{JWT.rpartition('.')[0]}.'"),
    "a JWE": (f"{JWT}.{LONG}.{LONG}", f"got {JWT}.{LONG}.{LONG}"),
    "bearer": (LONG, f"Bearer {LONG}"),
    "bearer in lowercase": (LOWER, f"authorization was bearer {LOWER}"),
    "bearer, short": ("a1b2c3", "sent Bearer a1b2c3 again"),
    "basic": (BASIC, f"Basic {BASIC}"),
    "basic, letters only": (b64encode(b"a:bcde").decode(), f"basic {b64encode(b'a:bcde').decode()}"),
    "URL with user and password": ("hunter2x", "http://alice:hunter2x@upstream.test/a"),
    "URL with a token for a user": (LOWER, f"https://{LOWER}@git.test/repo.git"),
    "URL with @ in the password": ("hunt@er2x", "http://alice:hunt@er2x@upstream.test/"),
    "redis": ("hunter2x", "can't reach redis://:hunter2x@redis.test:6379/0"),
    "redis with TLS and a user": ("hunter2x", "rediss://check:hunter2x@redis.test/0 refused"),
    "redis with a slash in the password": ("hun/ter2x", "redis://:hun/ter2x@redis.test:6379/0"),
    "postgres": ("hunter2x", "postgresql://app:hunter2x@db.test/app"),
    "query of a URL": (LOWER, f"GET https://upstream.test/a?b=c&access_token={LOWER}&d=e"),
    "query of a path": ("hunter2x", "/login?password=hunter2x"),
    "encoded name in a query": ("hunter2x", "/login?%70assword=hunter2x"),
    "signature in a query": (LONG, f"/blob?sv=2024-01-01&sig={LONG}"),
    "code of a sign-in": ("4fj2xk", "/callback?code=4fj2xk&state=zzz1"),
    "state of a sign-in": ("zzz1y2", "/callback?iss=a&state=zzz1y2"),
    "AWS signature": (HEX, f"/key?X-Amz-Signature={HEX}"),
    "AWS session": (LONG, f"/key?X-Amz-Security-Token={LONG}"),
    "Slack webhook": (LONG, f"https://hooks.{'slack'}.com/services/T0001/B0002/{LONG}"),
    "Slack workflow": (LONG, f"https://hooks.{'slack'}.com/triggers/T1/2/{LONG} answered 400"),
    "Teams workflow": (
        LONG,
        f"https://prod-1.west.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig={LONG}",
    ),
    "Teams connector": (LONG, f"https://x.webhook.office.com/webhookb2/{LONG}/IncomingWebhook/1/2"),
    "another webhook": (LONG, f"posting to https://chat.test/api/webhooks/1234/{LONG} failed"),
    "hooks by path": (LONG, f"https://chat.test/hooks/{LONG}"),
    "AWS access key": (f"AKIA{UPPER}", f"key AKIA{UPPER} is disabled"),
    "AWS temporary key": (f"ASIA{UPPER}", f"(ASIA{UPPER})"),
    "GitHub token": (_joined("gh", "p_", LONG[:36]), f"git said gh{'p_'}{LONG[:36]}"),
    "GitHub app token": (_joined("gh", "s_", LONG[:36]), f"gh{'s_'}{LONG[:36]}"),
    "GitHub fine-grained": (_joined("github", "_pat_", LONG), f"github{'_pat_'}{LONG}"),
    "GitLab token": (_joined("glp", "at-", LONG[:20]), f"glp{'at-'}{LONG[:20]}"),
    "Slack bot token": (_joined("xox", "b-123456789-", LONG), f"xox{'b-123456789-'}{LONG}"),
    "Slack app token": (_joined("xap", "p-1-A1-", LONG), f"xap{'p-1-A1-'}{LONG}"),
    "Google API key": (_joined("AI", "za", LONG[:35]), f"AI{'za'}{LONG[:35]}"),
    "Google access token": (_joined("ya", "29.", LONG), f"ya{'29.'}{LONG}"),
    "Google client secret": (_joined("GOC", "SPX-", LONG[:28]), f"GOC{'SPX-'}{LONG[:28]}"),
    "Stripe key": (_joined("sk_", "live_", LONG[:24]), f"sk_{'live_'}{LONG[:24]}"),
    "a model's key": (_joined("s", "k-", LONG), f"s{'k-'}{LONG}"),
    "SendGrid": (_joined("S", "G.", LONG[:22], ".", LONG[:43]), f"S{'G.'}{LONG[:22]}.{LONG[:43]}"),
    "npm": (_joined("np", "m_", LONG[:36]), f"np{'m_'}{LONG[:36]}"),
    "PyPI": (_joined("py", "pi-", LONG), f"py{'pi-'}{LONG}"),
    "Vault": (_joined("hv", "s.", LONG), f"hv{'s.'}{LONG}"),
    "age": (_joined("AGE-", "SECRET-KEY-1", UPPER * 3), f"AGE-{'SECRET-KEY-1'}{UPPER * 3}"),
    "Telegram bot": (f"123456789:AA{LONG[:33]}", f"/bot 123456789:AA{LONG[:33]}"),
    "private key": (LONG, f"-----BEGIN {'PRIVATE KEY'}-----\n{PEM}\n-----END {'PRIVATE KEY'}-----\n"),
    "private key on one line": (
        LONG,
        f"b'-----BEGIN EC {'PRIVATE KEY'}-----\\n{LONG}\\n{LONG}\\n-----END EC {'PRIVATE KEY'}-----'",
    ),
    "private key, cut": (LONG, f"read -----BEGIN RSA {'PRIVATE KEY'}-----\n{PEM}"),
    "PGP key": (LONG, f"-----BEGIN PGP {'PRIVATE KEY BLOCK'}-----\n\n{PEM}"),
}

# By the name that stands before it in a text.
BY_NAME_IN_TEXT: Final = {
    "password=": ("hunter2x", "login failed: user=alice password=hunter2x host=a"),
    "password:": ("hunter2x", "Password: hunter2x"),
    "quoted in JSON": ("hunter2x y", '{"user": "alice", "client_secret": "hunter2x y"}'),
    "quoted in a repr": ("hunter2x", "{'api_key': 'hunter2x', 'a': 1}"),
    "bytes in a repr": ("hunter2x", "(b'x', b'secret': b'hunter2x')"),
    "escaped quote": ("ter2x", '"token": "hun\\"ter2x"'),
    "an open quote": ("hunter2x and more", 'token="hunter2x and more'),
    "a header": (LOWER, f"x-approval-ticket: {LOWER}"),
    "authorization": ("Digest username=alice", "authorization: Digest username=alice"),
    "proxy-authorization": ("Custom abc def", "Proxy-Authorization=Custom abc def"),
    "cookie": ("b=2", "cookie: a=1; b=2; c=3"),
    "set-cookie": ("abc123def", "Set-Cookie: id=abc123def; HttpOnly; Secure"),
    "environment": (LONG, f"AWS_SECRET_ACCESS_KEY={LONG}"),
    "settings": (LONG, f"HOLDGATE_TICKET_TOKEN={LONG}"),
    "camel case": ("hunter2x", "apiKey=hunter2x"),
    "form": ("hunter2x", "a=b&passwd=hunter2x&c=d"),
    "matrix parameter": ("4711abcd", "/app;jsessionid=4711abcd"),
    "after an error's name": ("hunter2x", "ValueError: password=hunter2x"),
    "after a name that is none": ("hunter2x", "user: token: hunter2x"),
    "several in brackets": ("hunter2x", "{'cookies': ['abc', 'hunter2x'], 'a': 1}"),
    "a structure": ("hunter2x", "credentials={'user': 'a', 'word': 'hunter2x'}"),
    "digest": ("9f86d081", 'authorization: Digest username="alice", response="9f86d081"'),
    "connection string": ("Endpoint", 'connectionString: "Endpoint is x"'),
}

# By the key of the record or of a structure in it.
SECRET_KEYS: Final = (
    *(
        "authorization",
        "Authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-approval-ticket",
        "token",
    ),
    *(
        "access_token",
        "refreshToken",
        "secret",
        "client_secret",
        "password",
        "passwd",
        "api-key",
        "X-Api-Key",
    ),
    *(
        "private_key",
        "session",
        "session_id",
        "credentials",
        "signature",
        "query",
        "body",
        "raw_body",
        "parsed_query",
    ),
    *("parsed_body", "input", "payload", "jwt", "otp", "pin", "connection_string"),
)

HARMLESS: Final = (
    "",
    "check",
    "0-fkaz6rlsxuscnyjd7quioqg6tm",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "9d1c0b9a-7a53-4f5d-9a5a-1f0a5c1b2d3e",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/v1/projects/4711/deployments/prod-eu",
    "/tokens/rotate",
    "/v1/secrets/prod/db",
    "/session/new",
    "/search?q=gates&page=2&sort=asc",
    "/users/@alice",
    "https://docs.test/@alice/page",
    "http://127.0.0.1:8181/v1/data/envoy/authz/allow",
    "unix:///run/holdgate/check.sock",
    "redis://redis.test:6379/0",
    "rediss://redis.test:6379/0?db=1",
    "https%3A%2F%2Fissuer.test:alice",
    "spiffe://prod.test/ns/edge/sa/envoy",
    "2026-03-02T09:41:07.000Z",
    "delete-production",
    "basic authentication is not configured",
    "Basic access needs a bearer credential",
    "the bearer of this ticket may pass",
    "the token is unknown",
    "no session for this cookie",
    "secret rotation is due",
    "password reset requested by alice",
    "HOLDGATE_TICKET_KEYS: needed, as NAME:BASE64URL",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "skipped 3 of 4",
    "task-force sk-1",
    "disk_live_check and risk_test_run",
    "eyJ is how JSON begins in base64",
    "line 3, column 7: unexpected character",
    'File "authz/adapters/redis/store.py", line 12, in load',
    "OSError: [Errno 111] Connect call failed ('127.0.0.1', 6379)",
    "monkey=1 keyboard=2 author=alice design=flat",
    "a=b&c=d;e=f",
    "code=404 state=pending",
    "Größe: 12 µs, «gut»",
    "x" * 5000,
)
