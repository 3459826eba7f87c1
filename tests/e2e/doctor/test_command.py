"""The command itself, as an operator runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from authz.services.doctor.finding import Severity
from tests.e2e.doctor.documents import bootstrap_of, ends_with_a_client
from tests.e2e.envoy_config.certificates import Authority
from tests.e2e.envoy_config.stack import ext_authz
from tests.integration.policies.opa_server import copy_policies, running_opa
from tests.support.envoy import running_envoy
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

KEY: Final = "06bwGHvCXplBqgxt6Pcbc5TFBn_h2CpTuQ5M96htEyA"
WEBHOOK: Final = "https://teams.test/webhook/hunter2-webhook"
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """What the command printed, and how it ended."""

    code: int
    out: str
    err: str

    def findings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)
        return found

    def codes(self, *severities: Severity) -> set[str]:
        return {each["code"] for each in self.findings() if each["severity"] in severities}


def doctor(settings: dict[str, str], *arguments: str) -> Answer:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOLDGATE_")}
    command = [sys.executable, "-m", "authz.entrypoints.cli.main", "doctor", *arguments]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=_SECONDS, env={**clean, **settings}
    )
    assert "Traceback" not in done.stderr + done.stdout
    return Answer(done.returncode, done.stdout, done.stderr)


def settings_of(redis: str, opa: str) -> dict[str, str]:
    return {
        "HOLDGATE_REDIS_URL": redis,
        "HOLDGATE_OPA_URL": opa,
        "HOLDGATE_TICKET_KEYS": f"k1:{KEY}",
        "HOLDGATE_CHANNELS": json.dumps({"room": {"kind": "teams-workflows", "url": WEBHOOK}}),
        "HOLDGATE_ROUTES": json.dumps({"default": ["room"]}),
        "HOLDGATE_PUBLIC_URL": "https://approvals.test",
        "HOLDGATE_GRPC_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_CONSOLE_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_METRICS_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_ENVOY_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_ENVOY_ADMIN": f"127.0.0.1:{free_port()}",
        # The machine that runs the tests is busy; what is slow is judged by the unit tests.
        "HOLDGATE_OPA_TIMEOUT": "10s",
        "HOLDGATE_REDIS_TIMEOUT": "10s",
        "HOLDGATE_CHECK_TIMEOUT": "30s",
        # docs/waiting.md: nobody may wait before an Envoy that ends when a client that waits goes away.
        **({"HOLDGATE_MAX_WAITERS": "0"} if ends_with_a_client() else {}),
    }


@contextmanager
def serving(settings: dict[str, str], log: Path) -> Iterator[None]:
    """Run `holdgate serve all` until the block ends; it is ready when the doctor may ask it."""
    command = [sys.executable, "-m", "authz.entrypoints.cli.main", "serve", "all"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOLDGATE_")}
    with log.open("wb") as output:
        environ = {**clean, **settings, "HOLDGATE_DRAIN_DELAY": "0s"}
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        try:
            until("serving", lambda: '"serving"' in log.read_text() or process.poll() is not None, 30)
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Everything as documented: OPA, a Redis with a password, the servers, and Envoy with our configuration."""
    folder = tmp_path_factory.mktemp("installation")
    (folder / "redis").mkdir()
    copy_policies(folder)
    with ExitStack() as running:
        redis = RedisServer(folder / "redis", maxmemory="1gb", requirepass="hunter2-redis")
        redis.start()
        running.callback(redis.stop)
        opa = running.enter_context(running_opa(folder))
        transport: Any = opa.http._transport
        url = redis.url.replace("//", "//:hunter2-redis@")
        settings = settings_of(url, f"unix://{transport._pool._uds}")
        running.enter_context(serving(settings, folder / "holdgate.log"))
        running.enter_context(running_envoy(json.dumps(bootstrap_of(settings)), folder / "envoy"))
        yield settings


def admin_of(settings: dict[str, str]) -> str:
    return f"http://{settings['HOLDGATE_ENVOY_ADMIN']}"


def test_an_installation_as_documented_has_neither_error_nor_warning(installation: dict[str, str]) -> None:
    answer = doctor(installation, "--json", "--envoy-admin", admin_of(installation))
    assert (answer.code, answer.err) == (0, "")
    assert answer.codes(Severity.ERROR, Severity.WARNING) == set(), answer.out
    assert answer.codes(Severity.OK) == {
        *("settings-read", "opa-answers", "redis-answers", "check-serving", "envoy-seen")
    }


def test_the_settings_own_envoy_is_looked_at_without_being_named(installation: dict[str, str]) -> None:
    assert "envoy-seen" in doctor(installation, "--json").codes(Severity.OK)


def test_the_text_says_the_same_and_no_secret(installation: dict[str, str]) -> None:
    for arguments in ([], ["--json"]):
        answer = doctor({**installation, "HOLDGATE_ROUTES": '{"default": []}'}, *arguments)
        assert answer.code == 0
        assert "route-without-channel" in answer.out
        assert "channel-unused" in answer.out
        assert KEY not in answer.out
        assert "hunter2" not in answer.out


def test_a_fault_in_envoy_is_an_error_with_its_code(installation: dict[str, str], tmp_path: Path) -> None:
    other = {**installation, "HOLDGATE_ENVOY_LISTEN": f"127.0.0.1:{free_port()}"}
    other["HOLDGATE_ENVOY_ADMIN"] = f"127.0.0.1:{free_port()}"
    document = bootstrap_of(other)
    ext_authz(document)["failure_mode_allow"] = True
    with running_envoy(json.dumps(document), tmp_path):
        answer = doctor(installation, "--json", "--envoy-admin", admin_of(other))
    assert answer.code == 1
    assert answer.codes(Severity.ERROR, Severity.WARNING) == {"envoy-failure-mode-allow"}


def test_where_nothing_answers_each_part_is_named_and_the_end_is_4() -> None:
    gone = free_port()
    settings = settings_of(f"redis://:hunter2@127.0.0.1:{gone}/0", f"http://127.0.0.1:{gone}")
    answer = doctor(settings, "--json", "--envoy-admin", f"http://127.0.0.1:{gone}")
    assert answer.code == 4
    assert answer.codes(Severity.ERROR) == {
        *("opa-unreachable", "redis-unreachable", "check-unreachable", "envoy-unreachable")
    }
    text = doctor(settings)
    assert text.code == 4
    assert "hunter2" not in text.out + answer.out
    assert "envoy-not-seen" in text.out


def test_settings_that_cannot_be_read_are_all_named_and_the_end_is_1() -> None:
    secret = {"HOLDGATE_TICKET_KEYS": "k1:hunter2", "HOLDGATE_CHANNELS": '{"room": "hunter2"}'}
    answer = doctor({**secret, "HOLDGATE_OPA_TIMEOUT": "soon", "HOLDGATE_OPA_ULR": "http://x"}, "--json")
    assert answer.code == 1
    assert {each["code"] for each in answer.findings()} == {"settings-invalid"}
    assert {each["subject"] for each in answer.findings()} >= {
        *("HOLDGATE_TICKET_KEYS", "HOLDGATE_OPA_TIMEOUT", "HOLDGATE_OPA_ULR")
    }
    assert "hunter2" not in answer.out


@pytest.mark.parametrize("fits", [True, False], ids=["its key", "another key"])
def test_certificates_keys_and_listed_names_are_looked_at_before_anything_serves(
    tmp_path: Path, *, fits: bool
) -> None:
    authority = Authority(tmp_path)
    own, envoy = authority.issue("check.internal"), authority.issue("envoy.internal")
    gone = free_port()
    answer = doctor(
        {
            **settings_of(f"redis://127.0.0.1:{gone}/0", f"http://127.0.0.1:{gone}"),
            "HOLDGATE_GRPC_TLS_CERT": str(own.certificate),
            "HOLDGATE_GRPC_TLS_KEY": str(own.key if fits else envoy.key),
            "HOLDGATE_GRPC_TLS_CLIENT_CA": str(authority.certificate),
            "HOLDGATE_GRPC_CLIENT_IDENTITIES": "other.internal",
            "HOLDGATE_ENVOY_CHECK_TLS_CERT": str(envoy.certificate),
            "HOLDGATE_ENVOY_CHECK_TLS_KEY": str(envoy.key),
            "HOLDGATE_ENVOY_CHECK_TLS_CA": str(authority.certificate),
            "HOLDGATE_ENVOY_CHECK_TLS_SERVER_NAME": "check.internal",
        },
        "--json",
    )
    found = {(each["code"], each["subject"]) for each in answer.findings()}
    assert ("certificate-unlisted", "HOLDGATE_ENVOY_CHECK_TLS_CERT") in found
    assert (
        "certificate-expiring",
        "HOLDGATE_GRPC_TLS_CERT",
    ) in found  # the tests' authority signs for an hour
    assert ("certificate-unusable" in answer.codes(Severity.ERROR)) is not fits
    assert "PRIVATE KEY" not in answer.out


@pytest.mark.parametrize("url", ["127.0.0.1:9901", "http://u:hunter2@127.0.0.1:9901"])
def test_an_address_that_is_none_is_wrong_usage(url: str) -> None:
    answer = doctor({}, "--envoy-admin", url)
    assert answer.code == 2
    assert "--envoy-admin" in answer.err
    assert "hunter2" not in answer.err + answer.out
