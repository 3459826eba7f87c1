"""What all rounds measured, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench import rounds
from bench.targets import Measured

Table = Sequence[Sequence[str]]
_MIB = 1 << 20


@dataclass(slots=True)
class Results:
    """One value a round in every list. Keys are target names, and streams or requests a second."""

    machine: Mapping[str, str]
    direct: dict[str, dict[int, list[Measured]]] = field(default_factory=dict)
    envoy: dict[str, dict[int, dict[str, list[float]]]] = field(default_factory=dict)
    holds: list[float] = field(default_factory=list)
    redemptions: list[float] = field(default_factory=list)
    redis_commands: Mapping[str, int] = field(default_factory=dict)
    checks: int = 0

    def add_direct(self, name: str, streams: int, measured: Measured) -> None:
        self.direct.setdefault(name, {}).setdefault(streams, []).append(measured)

    def add_times(self, name: str, rate: int, times: Sequence[float]) -> None:
        """Take one round's request times in ms at a rate."""
        kept = self.envoy.setdefault(name, {}).setdefault(rate, {"p50": [], "p99": []})
        kept["p50"].append(rounds.percentile(times, 50))
        kept["p99"].append(rounds.percentile(times, 99))

    def json(self) -> str:
        """Return every round's figures."""
        direct = {
            name: {streams: [_plain(each) for each in runs] for streams, runs in by.items()}
            for name, by in self.direct.items()
        }
        document = {
            "machine": self.machine,
            "direct": direct,
            "envoy_ms": self.envoy,
            "holds_per_s": self.holds,
            "redemptions_per_s": self.redemptions,
            "redis_commands_of_allows": self.redis_commands,
            "checks": self.checks,
        }
        return json.dumps(document, indent=2)


def _plain(measured: Measured) -> Mapping[str, object]:
    costs = measured.costs
    return {"per_s": measured.rate, "cpu_us": dict(costs.cpu_us), "rss": dict(costs.rss)}


def direct_table(results: Results, ours: str) -> Table:
    """One row a target and number of streams: rate and CPU time with the ratio of ours to it, and memory."""
    ratio = f"{ours} ÷ it"
    rows = [["server", "streams", "checks/s (low-high)", ratio, "CPU µs a check", ratio, "RSS MiB"]]
    for name, by in results.direct.items():
        for streams, runs in by.items():
            mine = [each.rate for each in results.direct[ours][streams]]
            theirs = [each.rate for each in runs]
            rows.append(
                [
                    name,
                    str(streams),
                    str(rounds.figure(theirs)),
                    "" if name == ours else str(rounds.ratio(mine, theirs)),
                    _each(
                        {part: median(e.costs.cpu_us[part] for e in runs) for part in runs[0].costs.cpu_us}
                    ),
                    "" if name == ours else _cpu_ratio(results.direct[ours][streams], runs),
                    _each({part: runs[-1].costs.rss[part] / _MIB for part in runs[-1].costs.rss}),
                ]
            )
    return rows


def _cpu_ratio(ours: Sequence[Measured], theirs: Sequence[Measured]) -> str:
    """Return ours ÷ theirs over all processes of each; nothing where their processes aren't known."""
    spent = [[sum(each.costs.cpu_us.values()) for each in runs] for runs in (ours, theirs)]
    return str(rounds.ratio(*spent)) if all(spent[1]) else ""


def envoy_table(results: Results, ungated: str) -> Table:
    """One row a listener and rate: times in ms, and how much more than without a check."""
    rows = [["listener", "requests/s", "p50 ms", "added p50", "p99 ms", "added p99"]]
    for name, by in results.envoy.items():
        for rate, kept in by.items():
            row = [name, str(rate)]
            for each in ("p50", "p99"):
                plain = results.envoy[ungated][rate][each]
                row += [str(rounds.figure(kept[each]))]
                row += ["" if name == ungated else str(rounds.difference(kept[each], plain))]
            rows.append(row)
    return rows


def text(table: Table) -> str:
    """Return a table in columns, as Markdown."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in table
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _each(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:,.0f}" for name, value in values.items())
