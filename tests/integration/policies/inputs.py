"""Input documents as Holdgate sends them, which is as the OPA Envoy plugin does."""

from __future__ import annotations

from typing import Any, Final

ISSUER: Final = "https://issuer.demo.holdgate.invalid"


def request(who: str, method: str, path: str, **more: object) -> dict[str, Any]:
    """Return the input of one request by a signed-in person; `more` goes beside `attributes`."""
    bare = path.partition("?")[0]
    return {
        "version": {"ext_authz": "v3", "encoding": "protojson"},
        "attributes": {
            "request": {
                "http": {
                    "id": "1",
                    "method": method,
                    "path": path,
                    "host": "127.0.0.1:10000",
                    "scheme": "http",
                    "headers": {":method": method, ":path": path, "user-agent": "curl"},
                }
            },
            "metadataContext": {
                "filterMetadata": {
                    "envoy.filters.http.jwt_authn": {"jwt": {"iss": ISSUER, "sub": who, "name": who}}
                }
            },
        },
        "parsed_path": bare.lstrip("/").split("/"),
        **more,
    }
