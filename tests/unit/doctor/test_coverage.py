from __future__ import annotations

import re
from pathlib import Path

from authz.services.doctor.catalogue import RULES
from tests.e2e.doctor.faults import FAULTS
from tests.unit.doctor.cases import CERTIFICATES, ENDPOINTS, OPA, REDIS, SETTINGS
from tests.unit.doctor.dumps import OURS

HERE = Path(__file__).parent


def test_every_code_is_brought_about_by_a_test() -> None:
    tables = {code for case in (*SETTINGS, *OPA, *REDIS) for code in case.adds}
    tables |= {code for fault in FAULTS for code in fault.codes}
    tables |= {code for code, _ in ENDPOINTS} | {code for codes, _ in CERTIFICATES for code in codes}
    tables |= OURS
    elsewhere = "".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("test_envoy_discovery.py", "test_envoy_shapes.py", "test_findings.py")
    )
    shapes = set(re.findall(r"\"([a-z]+(?:-[a-z]+)+)\"", elsewhere))
    # tests/e2e/doctor/test_command.py
    by_command = {"settings-invalid", "envoy-unreachable", "envoy-not-seen"}
    assert {rule.code for rule in RULES} - tables - shapes == by_command
