"""As much of a Kubernetes API server as `kubectl delete pod` asks for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

PODS: Final = "/api/v1/namespaces/default/pods/"
_DISCOVERY: Final[dict[str, dict[str, Any]]] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {
                "name": "pods",
                "singularName": "pod",
                "namespaced": True,
                "kind": "Pod",
                "verbs": ["delete", "get", "list"],
            }
        ],
    },
}


@dataclass(slots=True)
class KubeApi:
    """Listens on 127.0.0.1; `deleted` names the pods whose deletion reached it, each as often as it did."""

    port: int
    deleted: list[str] = field(default_factory=list)


@contextmanager
def kube_api() -> Iterator[KubeApi]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            document = _DISCOVERY.get(self.path.partition("?")[0])
            self._answer(200, document) if document else self._answer(404, _status("Failure", 404))

        def do_DELETE(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            api.deleted.append(self.path.removeprefix(PODS))
            self._answer(200, _status("Success", 200))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api = KubeApi(int(server.server_address[1]))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()


def _status(status: str, code: int) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": status, "code": code}
