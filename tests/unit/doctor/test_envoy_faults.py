from __future__ import annotations

import pytest

from authz.services.doctor.finding import Severity
from tests.e2e.doctor.documents import PLAIN, bootstrap_of, codes, judged
from tests.e2e.doctor.faults import FAULTS, Fault
from tests.unit.doctor.dumps import as_dump


def test_nothing_is_wrong_with_our_own_configuration() -> None:
    findings = judged(as_dump(bootstrap_of(PLAIN)), PLAIN)
    assert {finding.severity for finding in findings} == {Severity.INFO, Severity.OK}
    assert set(codes(findings)) == {"envoy-seen", "envoy-no-client-certificate"}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_each_fault_is_named_and_nothing_else(fault: Fault) -> None:
    document = bootstrap_of(fault.settings)
    before = codes(judged(as_dump(document), fault.settings))
    fault.change(document)
    assert set(codes(judged(as_dump(document), fault.settings)) - before) == fault.codes


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) > 50
