from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from authz.adapters.envoy_admin.config_dump import read_config_dump
from authz.services.doctor.envoy.dump import read_dump
from authz.services.doctor.finding import Severity
from tests.e2e.doctor.documents import bootstrap_of, codes, judged
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


def of_this_envoy(dump: object) -> set[str]:
    """Return what is said of an older Envoy that its maintainers have mended since."""
    version = read_dump(dump).version
    assert version is not None
    return {"envoy-wait-crash"} if (1, 37) <= version < (1, 37, 5) else set()


def test_our_own_configuration_has_neither_error_nor_warning(flawless: object) -> None:
    findings = [each for each in judged(flawless, {}) if each.code not in of_this_envoy(flawless)]
    assert {finding.severity for finding in findings} == {Severity.INFO, Severity.OK}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_each_fault_of_a_real_envoy_is_named_and_nothing_else(fault: Fault, tmp_path: Path) -> None:
    settings = own_settings(**fault.settings)
    document = bootstrap_of(settings)
    fault.change(document)
    dump = dump_of(document, tmp_path)
    found = codes(judged(dump, settings))
    ours = {"envoy-seen"} | (of_this_envoy(dump) & set(found))
    if "HOLDGATE_PRINCIPAL_FROM" not in settings and "envoy-no-gate" not in fault.codes:
        ours.add("envoy-no-client-certificate")
    assert set(found) - ours == fault.codes
    assert ours <= set(found)
