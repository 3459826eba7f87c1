from __future__ import annotations

from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from authz.entrypoints.cli.tickets.demo_caller import demo_caller
from authz.entrypoints.demo.people import ISSUER
from authz.entrypoints.demo.run_directory import RunDirectory
from authz.entrypoints.demo.signing import SigningKey
from authz.entrypoints.management.demo_identity import DemoAuthenticator


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))
    return RunDirectory(tmp_path / "run")


def _begin(run: RunDirectory, key: SigningKey) -> None:
    run.write_private(run.signing_key, key.jwk)
    run.write_private(run.context, '{"people": [{"id": "bob", "subject": "b-0b", "name": "Bob"}]}')


async def test_a_demo_person_is_proven_to_the_running_demo(run: RunDirectory) -> None:
    key = SigningKey.new()
    public = jwt.PyJWKSet.from_json(key.jwks()).keys[0].key
    assert isinstance(public, EllipticCurvePublicKey)
    authenticator = DemoAuthenticator(public, ISSUER)
    with run.held():
        _begin(run, key)
        caller = demo_caller("bob")
        signed_in = await authenticator.authenticate([("authorization", f"Bearer {caller.token()}")])
        assert (signed_in.identity.id, signed_in.name) == ("b-0b", "Bob")
        assert caller.address == f"unix:{run.management_socket}"


def test_nobody_of_that_name_is_wrong_usage(run: RunDirectory) -> None:
    with run.held():
        _begin(run, SigningKey.new())
        with pytest.raises(CommandFailed, match="nobody called 'mallory'") as caught:
            demo_caller("mallory").token()
    assert caught.value.code is ExitCode.USAGE


def test_no_demo_is_nothing_to_talk_to(run: RunDirectory) -> None:
    with pytest.raises(CommandFailed, match="no demo runs in") as caught:
        demo_caller("bob").token()
    assert caught.value.code is ExitCode.UNAVAILABLE
    assert str(run.root) in str(caught.value)
