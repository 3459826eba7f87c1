from __future__ import annotations

import pytest

from bench.processes import Costs, Usage, of_ps, of_stat
from bench.redis_use import more, of_stats
from bench.results import Results, direct_table, envoy_table, text
from bench.rounds import Figure, difference, figure, percentile, ratio
from bench.targets import Measured, allows


def test_a_figure_is_the_median_of_its_rounds_with_their_spread() -> None:
    assert figure([3.0, 1.0, 10.0]) == Figure(3.0, 1.0, 10.0)
    assert str(figure([1.0, 2.0])) == "1.50 (1.00-2.00)"
    assert str(figure([5123.4])) == "5,123 (5,123-5,123)"


def test_ratios_and_differences_are_taken_round_by_round() -> None:
    """A round in which the machine was slow for both leaves the ratio alone."""
    assert ratio([100.0, 10.0, 80.0], [200.0, 20.0, 160.0]) == Figure(0.5, 0.5, 0.5)
    assert difference([3.0, 9.0], [1.0, 7.0]) == Figure(2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])


def test_a_percentile_lies_where_it_should() -> None:
    values = [float(number) for number in range(101)]
    assert (percentile(values, 50), percentile(values, 99)) == (50.0, 99.0)


def test_cpu_time_and_memory_are_read_from_proc() -> None:
    """The name may have spaces and parentheses."""
    numbers = " ".join(str(number) for number in range(4, 53))
    assert of_stat(f"42 (a ) b) S {numbers}", ticks=100, page=4096) == Usage((14 + 15) / 100, 24 * 4096)


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("0:01.50 2048", 1.5), ("00:01:02 2048", 62.0), ("2-01:00:00 2048", 2 * 86_400 + 3600.0)],
)
def test_cpu_time_and_memory_are_read_from_ps(line: str, seconds: float) -> None:
    assert of_ps(f"{line}\n") == Usage(seconds, 2048 * 1024)


def test_redis_commands_are_counted_without_the_counting_and_the_signs_of_life() -> None:
    before = of_stats({"cmdstat_info": {"calls": 1}, "cmdstat_ping": {"calls": 2}})
    after = of_stats(
        {"cmdstat_info": {"calls": 2}, "cmdstat_ping": {"calls": 3}, "cmdstat_evalsha": {"calls": 3}}
    )
    assert more(before, after) == {"evalsha": 3}


def test_only_allows_are_counted_as_allows() -> None:
    metrics = 'holdgate_checks_total{decision="deny"} 4.0\nholdgate_checks_total{decision="allow"} 7.0\n'
    assert allows(metrics) == 7.0
    assert allows("") == 0.0


def test_the_tables_have_ratio_and_added_time() -> None:
    results = Results({})
    for ours, theirs in ((500.0, 1000.0), (300.0, 600.0)):
        results.add_direct("ours", 8, Measured(ours, Costs({"check": 900.0}, {"check": 3 << 20})))
        results.add_direct("peer", 8, Measured(theirs, Costs({"peer": 300.0}, {})))
        results.add_direct("remote", 8, Measured(theirs, Costs({}, {})))
    results.add_times("none", 50, [1.0, 1.0])
    results.add_times("ours", 50, [3.0, 3.0])

    direct = direct_table(results, "ours")
    assert direct[1] == ["ours", "8", "400 (300-500)", "", "check 900", "", "check 3"]
    assert (direct[2][3], direct[2][5]) == ("0.50 (0.50-0.50)", "3.00 (3.00-3.00)")
    assert (direct[3][3], direct[3][5]) == ("0.50 (0.50-0.50)", "")
    assert envoy_table(results, "none")[2][3] == "2.00 (2.00-2.00)"
    assert len({len(line) for line in text(direct).splitlines()}) == 1
