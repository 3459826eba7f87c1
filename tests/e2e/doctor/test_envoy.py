from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from authz.adapters.envoy_admin.config_dump import read_config_dump
from authz.services.doctor.finding import Severity
from tests.e2e.doctor.documents import bootstrap_of, codes, ends_with_a_client, judged
from tests.e2e.doctor.faults import FAULTS, Fault
from tests.e2e.envoy_config.stack import Document
from tests.support.envoy import running_envoy
from tests.support.ports import free_port


def own_settings(**more: str) -> dict[str, str]:
    return {
        "HOLDGATE_ENVOY_LISTEN": f"127.0.0.1:{free_port()}",
        "HOLDGATE_ENVOY_ADMIN": f"127.0.0.1:{free_port()}",
        **more,
    }


def dump_of(document: Document, folder: Path) -> object:
    """Run a real Envoy with a bootstrap, and return what it says it runs."""
    with running_envoy(json.dumps(document), folder) as envoy:
        return asyncio.run(read_config_dump(envoy.admin))


@pytest.fixture(scope="session")
def flawless(tmp_path_factory: pytest.TempPathFactory) -> object:
    return dump_of(bootstrap_of(own_settings()), tmp_path_factory.mktemp("flawless"))


OF_THIS_ENVOY = {"envoy-wait-crash"} if ends_with_a_client() else set()


def test_our_own_configuration_has_neither_error_nor_warning(flawless: object) -> None:
    findings = [each for each in judged(flawless, {}) if each.code not in OF_THIS_ENVOY]
    assert {finding.severity for finding in findings} == {Severity.INFO, Severity.OK}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_each_fault_of_a_real_envoy_is_named_and_nothing_else(fault: Fault, tmp_path: Path) -> None:
    settings = own_settings(**fault.settings)
    document = bootstrap_of(settings)
    fault.change(document)
    found = codes(judged(dump_of(document, tmp_path), settings))
    ours = {"envoy-seen"} | (OF_THIS_ENVOY & set(found))
    if "HOLDGATE_PRINCIPAL_FROM" not in settings and "envoy-no-gate" not in fault.codes:
        ours.add("envoy-no-client-certificate")
    assert set(found) - ours == fault.codes
    assert ours <= set(found)
