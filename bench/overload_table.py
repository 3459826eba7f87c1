"""`python -m bench --overload`: rounds of overload with several bounds, and their table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import overload, servers
from bench.overload import Overloaded
from bench.results import Table
from bench.rounds import Figure, figure, percentile

BOUNDS: Final = (4, 8, 32, 128)
"""HOLDGATE_MAX_CONCURRENT_CHECKS. The last one is what it is by default."""

_OPA_CONNECTIONS: Final = "2"
"""OPA has one core here. With more questions than that under way it lets some of them wait for very long."""


def measure(folder: Path, bounds: Sequence[int], rounds: int, seconds: float) -> dict[int, list[Overloaded]]:
    """Run a check server with its OPA, Redis and Envoy for each bound; measure them in turns.

    Raises h2load.Unusable, NotReady and EnvoyFailed.
    """
    found: dict[int, list[Overloaded]] = {bound: [] for bound in bounds}
    with ExitStack() as stack:
        gates = {}
        for bound in bounds:
            place = folder / str(bound)
            place.mkdir()
            running = stack.enter_context(
                servers.running(
                    place,
                    max_concurrent_checks=str(bound),
                    opa_decision_path=overload.DECISION_PATH,
                    opa_connections=_OPA_CONNECTIONS,
                )
            )
            gates[bound] = stack.enter_context(overload.gate(running, place))
        for number in range(rounds):
            for bound, gate in gates.items():
                print(f"round {number + 1} of {rounds}, {bound} checks at once", flush=True)
                found[bound].append(gate.round(seconds))
    return found


def table(found: Mapping[int, Sequence[Overloaded]]) -> Table:
    """One row a bound: rates, times in ms, and how many times as long as without load the admitted take."""
    rows = [
        [
            *(
                "at once",
                "capacity/s",
                "offered/s",
                "admitted/s",
                "unloaded p50",
                "p99",
                "admitted p50",
                "p99",
            ),
            *("p99 ÷ unloaded", "refused p50", "p99", "health at most"),
        ]
    ]
    for bound, runs in found.items():
        figures = (
            figure([run.capacity for run in runs]),
            figure([run.offered for run in runs]),
            figure([len(run.admitted) / run.seconds for run in runs]),
            _hundredth([run.unloaded for run in runs], 50),
            _hundredth([run.unloaded for run in runs], 99),
            _hundredth([run.admitted for run in runs], 50),
            _hundredth([run.admitted for run in runs], 99),
            figure([ratio(run) for run in runs]),
            _hundredth([run.refused for run in runs], 50),
            _hundredth([run.refused for run in runs], 99),
            figure([max(run.probes) for run in runs]),
        )
        rows.append([str(bound), *map(str, figures)])
    return rows


def ratio(run: Overloaded) -> float:
    """Return the p99 of what was admitted under the load ÷ the p99 without."""
    return percentile(run.admitted, 99) / percentile(run.unloaded, 99)


def document(machine: Mapping[str, str], found: Mapping[int, Sequence[Overloaded]]) -> str:
    """Return every round's figures as JSON."""
    return json.dumps(
        {
            "machine": machine,
            "bounds": {bound: [_plain(run) for run in runs] for bound, runs in found.items()},
        },
        indent=2,
    )


def _plain(run: Overloaded) -> Mapping[str, object]:
    times = {"unloaded_ms": run.unloaded, "admitted_ms": run.admitted, "refused_ms": run.refused}
    return {
        "capacity_per_s": run.capacity,
        "offered_per_s": run.offered,
        "seconds": run.seconds,
        **{name: {"number": len(each), **_percentiles(each)} for name, each in times.items()},
        "refused_by_server": run.refused_by_server,
        "health_ms": max(run.probes),
        "failed_health_checks": run.failed_health_checks,
    }


def _percentiles(times: Sequence[float]) -> Mapping[str, float]:
    return {f"p{hundredth}": percentile(times, hundredth) for hundredth in (50, 99)}


def _hundredth(runs: Sequence[Sequence[float]], hundredth: int) -> Figure:
    return figure([percentile(times, hundredth) for times in runs])
