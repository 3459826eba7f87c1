from __future__ import annotations

import re
from pathlib import Path

from authz.services.doctor.catalogue import RULES
from tests.e2e.doctor.faults import FAULTS
from tests.unit.doctor.cases import CERTIFICATES, ENDPOINTS, OPA, REDIS, SETTINGS

HERE = Path(__file__).parent


def test_every_code_is_brought_about_by_a_test() -> None:
    tables = {code for case in (*SETTINGS, *OPA, *REDIS) for code in case.adds}
    tables |= {code for fault in FAULTS for code in fault.codes}
    tables |= {code for code, _ in ENDPOINTS} | {code for codes, _ in CERTIFICATES for code in codes}
    elsewhere = "".join(
        (HERE / name).read_text(encoding="utf-8") for name in ("test_envoy_shapes.py", "test_findings.py")
    )
    shapes = set(re.findall(r"\"([a-z]+(?:-[a-z]+)+)\"", elsewhere))
    by_command = {
        "settings-invalid",
        "envoy-unreachable",
        "envoy-not-seen",
    }  # tests/e2e/doctor/test_command.py
    assert {rule.code for rule in RULES} - tables - shapes == by_command
