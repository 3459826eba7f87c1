from __future__ import annotations

import json
from pathlib import Path

import pytest

from authz.adapters.envoy_config.clusters import CHECK_CLUSTER
from bench import overload
from bench.overload import Overloaded
from bench.overload_table import document, ratio, table

ENVIRON = {"HOLDGATE_MAX_CONCURRENT_CHECKS": "8", "HOLDGATE_GRPC_LISTEN": "127.0.0.1:9191"}
ROOT = Path(__file__).resolve().parents[3]


def run(admitted: float) -> Overloaded:
    return Overloaded(
        capacity=200.0,
        offered=2000.0,
        unloaded=[5.0, 5.0],
        admitted=[admitted, admitted],
        refused=[0.5, 0.5],
        refused_by_server=0,
        seconds=0.01,
        probes=[3.0, 7.0],
        failed_health_checks=0,
    )


def test_a_round_is_summed_up_as_how_many_times_as_long_the_admitted_take() -> None:
    assert ratio(run(7.5)) == pytest.approx(1.5)


def test_the_table_has_a_row_for_each_bound_and_the_median_of_its_rounds() -> None:
    head, *rows = table({8: [run(5.0), run(10.0), run(7.5)], 128: [run(50.0)]})
    column = list(head).index("p99 ÷ unloaded")
    assert [row[0] for row in rows] == ["8", "128"]
    assert [row[column] for row in rows] == ["1.50 (1.00-2.00)", "10.00 (10.00-10.00)"]


def test_every_round_is_written_with_its_percentiles_and_not_with_each_request() -> None:
    written = json.loads(document({}, {8: [run(7.5)]}))
    (round_,) = written["bounds"]["8"]
    assert round_["admitted_ms"] == {"number": 2, "p50": 7.5, "p99": 7.5}
    assert round_["health_ms"] == 7.0


def test_envoy_is_configured_as_shipped_with_the_bound_and_the_health_checks() -> None:
    static = overload.configuration(ENVIRON, 10_000)["static_resources"]
    (cluster,) = [each for each in static["clusters"] if each["name"] == CHECK_CLUSTER]
    (threshold,) = cluster["circuit_breakers"]["thresholds"]
    assert threshold["max_requests"] == 8
    assert cluster["health_checks"]


def test_the_policy_under_load_is_what_is_asked() -> None:
    package = overload.DECISION_PATH.rpartition("/")[0].replace("/", ".")
    assert f"package {package}\n" in (ROOT / "bench" / "heavy.rego").read_text()
