"""A real OPA for a whole gate, and a front before it that a test can close, freeze or let answer rubbish.

OPA logs every decision without a mask, so that a test sees all that a careless operator's log would hold.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx

from tests.e2e.envoy_config.http1 import Message, read_message
from tools import opa

ROOT: Final = Path(__file__).resolve().parents[2]
TEST_POLICY: Final = "tests/e2e/gate/policy"
DEMO_POLICY: Final = "policies/demo"
DECISION: Final = "/v1/data/envoy/authz/allow"
DIRECTORY: Final = "/v1/data/holdgate/directory/person"
_START_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02
_READ_SECONDS: Final = 30.0


def raw_answer(body: bytes, status: int = 200, length: int | None = None) -> bytes:
    """Return an HTTP answer as it goes over the wire. A `length` beyond the body's makes the reader wait."""
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: "
    return head.encode() + f"{len(body) if length is None else length}\r\n\r\n".encode() + body


def result(document: object) -> bytes:
    """Return the HTTP answer of a Data API call whose result is this document."""
    return raw_answer(json.dumps({"result": document, "decision_id": "scripted"}).encode())


class GateOpa:
    """A running OPA on a unix socket, the front on another, and what went through."""

    def __init__(self, folder: Path, sockets: Path, policy: str = TEST_POLICY) -> None:
        """`policy` is the folder of the decision's policy, from the repository's root."""
        self._policy = policy
        self.log = folder / "opa.log"
        self.inputs: list[dict[str, Any]] = []
        self._behind = sockets / "opa.sock"
        self._front = sockets / "front.sock"
        self._scripts: dict[str, bytes] = {}
        self._released = threading.Event()
        self._released.set()
        self._server: _Front | None = None
        self.process: subprocess.Popen[bytes]
        self._http: httpx.Client

    @property
    def url(self) -> str:
        """What a check server is told to ask."""
        return f"unix://{self._front}"

    @property
    def direct_url(self) -> str:
        """OPA itself, past the front."""
        return f"unix://{self._behind}"

    @contextmanager
    def running(self) -> Iterator[GateOpa]:
        with ExitStack() as stack:
            output = stack.enter_context(self.log.open("wb"))
            process = subprocess.Popen(
                _command(self._behind, self._policy),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
            )
            stack.callback(_stop, process)
            self.process = process
            self._await_ready()
            self._http = stack.enter_context(
                httpx.Client(
                    transport=httpx.HTTPTransport(uds=str(self._behind)), base_url="http://opa", timeout=10
                )
            )
            self._open()
            stack.callback(self._close)
            yield self

    def reset(self) -> None:
        """Forget verdicts and inputs."""
        self.put("verdicts", {})
        self.inputs.clear()

    def put(self, path: str, document: object) -> None:
        """Set a document of the policy's data."""
        self._http.put(f"/v1/data/{path}", json=document).raise_for_status()

    def say(self, name: str, document: object) -> None:
        """Let the policy answer with `document` where the last segment of the path is `name`."""
        self.put(f"verdicts/{name}", document)

    def load(self, name: str, module: str) -> None:
        """Add a module to the policy, or put it in the place of the one of this name."""
        answer = self._http.put(f"/v1/policies/{name}.rego", content=module)
        assert answer.is_success, answer.text

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Nobody listens, and every kept connection is closed."""
        self._close()
        try:
            yield
        finally:
            self._open()

    @contextmanager
    def answering(self, wire: bytes, path: str = DECISION) -> Iterator[None]:
        """Questions for `path` are answered with these bytes, whatever they are."""
        self._scripts[path] = wire
        try:
            yield
        finally:
            del self._scripts[path]

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Questions are taken and not answered until the block ends."""
        self._released.clear()
        try:
            yield
        finally:
            self._released.set()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The real OPA is stopped in the middle of whatever it does."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def logged(self) -> str:
        """Return all that OPA has written, once it has written the last question that went through."""
        deadline = time.monotonic() + _START_SECONDS
        while True:
            text = self.log.read_text(errors="replace")
            ids = {each["attributes"]["request"]["http"]["id"] for each in self.inputs}
            if all(each in text for each in ids):
                return text
            assert time.monotonic() < deadline, "OPA's decision log lacks a decision"
            time.sleep(_POLL_SECONDS)

    def relay(self, question: Message, behind: socket.socket) -> bytes:
        """Answer one question as scripted, or as OPA does."""
        if question.target == DECISION:
            self.inputs.append(json.loads(question.body)["input"])
        self._released.wait(_READ_SECONDS)
        scripted = self._scripts.get(question.target)
        if scripted is not None:
            return scripted
        method = question.start_line.split(" ")[0]
        head = f"{method} {question.target} HTTP/1.1\r\nhost: opa\r\ncontent-type: application/json\r\n"
        behind.sendall(f"{head}content-length: {len(question.body)}\r\n\r\n".encode() + question.body)
        with behind.makefile("rb") as stream:
            answer = read_message(stream)
        if answer is None:
            raise ConnectionError("OPA closed the connection")
        return raw_answer(answer.body, answer.status)

    def connected(self) -> socket.socket:
        """Connect to OPA itself. Raises OSError."""
        behind = socket.socket(socket.AF_UNIX)
        behind.settimeout(_READ_SECONDS)
        try:
            behind.connect(str(self._behind))
        except OSError:
            behind.close()
            raise
        return behind

    def _open(self) -> None:
        self._server = _Front(str(self._front), self)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _close(self) -> None:
        if self._server is not None:
            self._server.end()
            self._front.unlink(missing_ok=True)
            self._server = None

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), self.connected():
                return
            time.sleep(_POLL_SECONDS)
        raise AssertionError(f"OPA isn't ready:\n{self.log.read_text()[-2000:]}")


class _Handler(socketserver.StreamRequestHandler):
    server: _Front

    def handle(self) -> None:
        with suppress(OSError), self.server.opa.connected() as behind:
            while (question := read_message(self.rfile)) is not None:
                self.wfile.write(self.server.opa.relay(question, behind))


class _Front(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, path: str, opa_behind: GateOpa) -> None:
        self.opa = opa_behind
        self._open: list[socket.socket] = []
        super().__init__(path, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's types
        self._open.append(request)
        super().process_request(request, client_address)

    def end(self) -> None:
        self.shutdown()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's types
        """A check server that gave up has closed its connection; there is nobody to tell."""


def _command(address: Path, policy: str) -> list[str]:
    binary = opa.find()
    assert binary is not None, "no OPA: `make setup` builds one, or set OPA_BIN"
    return [
        *(str(binary), "run", "--server", "--addr", f"unix://{address}", "--unix-socket-perm", "600"),
        *("--set", "decision_logs.console=true", "--log-format", "json", "--skip-version-check"),
        *("--shutdown-grace-period", "1", "--ignore", "*_test.rego"),
        *(policy, "policies/library"),
    ]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
