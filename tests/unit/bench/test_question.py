from __future__ import annotations

from authz.adapters.envoy.check_request import gated_request
from authz.wire.ext_authz_pb2 import CheckRequest
from bench.question import ISSUER, NAMESPACE, check_request, framed


def test_the_question_is_a_check_of_about_1200_bytes() -> None:
    message = check_request().SerializeToString()
    assert 1100 < len(message) < 1300
    gated = gated_request(CheckRequest.FromString(message), 65_536)
    assert (gated.method, gated.path, gated.raw_headers) == ("GET", "/projects/42/reports", True)
    assert gated.claims[NAMESPACE] == {
        "jwt": {"iss": ISSUER, "sub": "alice", "name": "Alice", "aud": "reports", "exp": 1_925_028_800}
    }


def test_questions_of_different_numbers_are_different_checks() -> None:
    """Otherwise a redemption would be a replay."""
    ids = {check_request(number=number).attributes.request.http.id for number in range(50)}
    assert len(ids) == 50


def test_a_frame_is_what_grpc_sends() -> None:
    """Uncompressed flag, length, message: gRPC over HTTP/2, Length-Prefixed-Message."""
    assert framed(b"abc") == b"\x00\x00\x00\x00\x03abc"
