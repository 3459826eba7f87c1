"""CheckRequests, each about one subject, as Envoy sends them with and without `encode_raw_headers`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from authz.wire.ext_authz_pb2 import CheckRequest
from tests.fuzz.differential.chance import TEXTS, Chance
from tests.fuzz.differential.content_types import FORM, JSON, any_type, multipart_type
from tests.fuzz.differential.filling import fill
from tests.fuzz.differential.grpc_calls import TYPES, GrpcCalls
from tests.fuzz.differential.json_text import json_text
from tests.fuzz.differential.multipart_text import BOUNDARIES, multipart
from tests.fuzz.differential.results import result
from tests.fuzz.differential.targets import form, target, target_with_query

# The policy takes it for its result; without it, it answers with its input.
RESULT = "result"
_NAMES: Sequence[bytes] = (
    *(b"accept", b"x-b", b"x-b", b"X-B", b"cookie", b":path", b":authority", b"x_approval_ticket"),
    *(b"x-approval-by", b"x-envoy-auth-partial-body", b"", b"host"),
)
_TICKETS: Sequence[bytes] = (b"x-approval-ticket", b"X-Approval-Ticket")
_VALUES: Sequence[bytes] = (b"a", b"a,b", b"", b"\xc3\xa9", b"\xff", b"\xfe!", b" a ", b"hg1.k1.x.y", b"a\tb")
_SHORT_BODIES: Sequence[bytes] = (
    *(b'{"a":1}', b"a=b", b"", b"1", b"--X\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X--"),
)
_METHODS: Sequence[str] = ("POST", "GET", "DELETE", "OPTIONS", "", "get", "M-SEARCH")


@dataclass(frozen=True, slots=True)
class Check:
    """What both servers are asked. `kind` is its subject."""

    kind: str
    request: CheckRequest


class Requests:
    """Makes them: the same number of the same seed is the same request."""

    def __init__(self, seed: str, calls: GrpcCalls) -> None:
        """`calls` makes gRPC bodies."""
        self._seed = seed
        self._calls = calls
        self._makers: dict[str, tuple[int, Callable[[Chance, CheckRequest], None]]] = {
            "path": (8, self._path),
            "query": (10, self._query),
            "form": (10, self._form),
            "json": (16, self._json),
            "multipart": (18, self._multipart),
            "content-type": (10, self._content_type),
            "length": (8, self._length),
            "headers": (8, self._headers),
            "attributes": (12, self._attributes),
            "grpc": (10, self._grpc),
            "result": (20, self._result),
        }
        self.kinds = tuple(self._makers)

    def make(self, number: int) -> Check:
        """Make one check."""
        chance = Chance(f"{self._seed}/{number}")
        kind = chance.choices(self.kinds, [weight for weight, _ in self._makers.values()])[0]
        request = CheckRequest()
        http = request.attributes.request.http
        http.method, http.path = chance.mostly("POST", 0.1, _METHODS), "/a"
        self._makers[kind][1](chance, request)
        if kind not in {"attributes", "headers"} and chance.happens(0.1):
            _apart(chance, request)
        return Check(kind, request)

    def _path(self, chance: Chance, request: CheckRequest) -> None:
        request.attributes.request.http.path = target(chance)

    def _query(self, chance: Chance, request: CheckRequest) -> None:
        request.attributes.request.http.path = target_with_query(chance)

    def _form(self, chance: Chance, request: CheckRequest) -> None:
        _body(
            chance, request, chance.mostly(FORM, 0.2, (FORM + b"; charset=utf-8", FORM.title())), form(chance)
        )

    def _json(self, chance: Chance, request: CheckRequest) -> None:
        kind = chance.mostly(JSON, 0.2, (JSON + b"; charset=utf-8", b"x, application/json", JSON.upper()))
        _body(chance, request, kind, json_text(chance))

    def _multipart(self, chance: Chance, request: CheckRequest) -> None:
        boundary = chance.choice(BOUNDARIES)
        _body(chance, request, multipart_type(chance, boundary), multipart(chance, boundary))

    def _content_type(self, chance: Chance, request: CheckRequest) -> None:
        _body(chance, request, any_type(chance), chance.choice(_SHORT_BODIES))

    def _length(self, chance: Chance, request: CheckRequest) -> None:
        body = chance.choice(_SHORT_BODIES)
        kinds = (JSON, FORM, b"multipart/form-data; boundary=X", b"text/plain", b"application/grpc")
        _body(chance, request, chance.choice(kinds), body)
        headers = request.attributes.request.http.headers
        if chance.happens(0.9):
            headers["content-length"] = _length_text(chance, len(body))
        if chance.happens(0.3):
            marker = chance.choice(("true", "false", "true", "false", "", "TRUE", "1", "true,false"))
            headers["x-envoy-auth-partial-body"] = marker

    def _headers(self, chance: Chance, request: CheckRequest) -> None:
        http = request.attributes.request.http
        lines = [
            (chance.mostly(chance.choice(_NAMES), 0.03, _TICKETS), chance.choice(_VALUES))
            for _ in range(chance.randint(0, 6))
        ]
        for _ in range(chance.choice((0, 1, 1, 2))):
            kind = chance.choice((JSON, FORM, b"text/plain", b"multipart/form-data; boundary=X"))
            lines.append((b"content-type", kind))
        http.raw_body = chance.choice(_SHORT_BODIES)
        lines += [
            (b"content-length", b"%d" % chance.mostly(len(http.raw_body), 0.3, (0, 3, 99)))
            for _ in range(chance.choice((0, 0, 1, 2)))
        ]
        chance.shuffle(lines)
        if chance.happens(0.6):
            for name, value in lines:
                http.header_map.headers.add(key=name.decode(), raw_value=value)
        else:
            http.headers.update({name.decode(): value.decode("utf-8", "ignore") for name, value in lines})

    def _attributes(self, chance: Chance, request: CheckRequest) -> None:
        attributes = request.attributes
        fill(chance, attributes, chance.choice((0.15, 0.4, 0.7)))
        attributes.request.http.ClearField("header_map")
        attributes.context_extensions.pop(RESULT, None)
        if chance.happens(0.05):
            attributes.request.ClearField("http")
        if chance.happens(0.03):
            attributes.ClearField("request")
        if chance.happens(0.02):
            request.Clear()

    def _grpc(self, chance: Chance, request: CheckRequest) -> None:
        request.attributes.request.http.path = self._calls.path(chance)
        _body(chance, request, chance.choice(TYPES), self._calls.body(chance), packed=0.98)

    def _result(self, chance: Chance, request: CheckRequest) -> None:
        request.attributes.context_extensions[RESULT] = result(chance)
        for _ in range(chance.choice((0, 0, 1))):
            name = chance.choice(("x-approval-by", "x_approval_id", "x-a", "accept"))
            request.attributes.request.http.headers[name] = chance.choice(TEXTS)


def _body(chance: Chance, request: CheckRequest, kind: bytes, body: bytes, packed: float = 0.5) -> None:
    http = request.attributes.request.http
    http.headers["content-type"] = kind.decode("utf-8", "ignore")
    if chance.happens(packed):
        http.raw_body = body
        return
    try:
        http.body = body.decode()
    except UnicodeDecodeError:
        http.raw_body = body


def _length_text(chance: Chance, length: int) -> str:
    return chance.choice(
        (
            *(
                str(length),
                str(length + 1),
                str(max(0, length - 1)),
                f"+{length}",
                "-1",
                "-5",
                "",
                " 1",
                "1 ",
            ),
            *("0x10", "1_0", f"00000{length}", "9223372036854775807", "9223372036854775808", "+", "-", "++1"),
            *("-9223372036854775808", "-9223372036854775809", "1,1", "1.0", "1e3", "\u0661", "0" * 30, "-0"),
        )
    )


def _apart(chance: Chance, request: CheckRequest) -> None:
    """Send the headers as `encode_raw_headers` does."""
    http = request.attributes.request.http
    lines = list(http.headers.items())
    chance.shuffle(lines)
    http.headers.clear()
    for name, value in lines:
        http.header_map.headers.add(key=name, raw_value=value.encode())
