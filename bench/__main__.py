"""`make bench`, or `python -m bench --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from redis import Redis

from bench import machine, overload, overload_table, redis_use, results, rounds, through_envoy, tickets
from bench.h2load import Unusable
from bench.question import check_request, framed
from bench.servers import NotReady, Servers, running
from bench.targets import Target
from tests.support.envoy import EnvoyFailed

OURS = "holdgate"
PEER = "peer"
_WARM_UP = 500


def main() -> None:
    """Measure, print, write the JSON file; end with status 1 when anything failed on the way."""
    options = _options()
    if options.overload:
        _overload(options)
        return
    warning = machine.warning()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name, running(Path(name)) as servers:
            measured = _measure(options, servers, Path(name))
    except (Unusable, NotReady, EnvoyFailed, OSError) as error:
        sys.exit(f"\nThese figures would be worth nothing: {error}")
    _print(measured)
    _leave(options.json, measured.json(), warning)
    if measured.redis_commands:
        sys.exit(f"Plain allows must cost no Redis command; they cost {dict(measured.redis_commands)}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of one measurement, about (3)")
    parser.add_argument(
        "--streams", type=_numbers, default=[1, 8, 32, 100], help="checks at once (1,8,32,100)"
    )
    parser.add_argument(
        "--rates", type=_numbers, default=[50, 100, 200], help="requests/s through Envoy (50,100,200)"
    )
    parser.add_argument(
        "--tickets", type=int, default=400, help="holds and redemptions a round; 0 for none (400)"
    )
    parser.add_argument("--peer", metavar="HOST:PORT", help="another ext_authz server with bench/policy.rego")
    parser.add_argument("--peer-pid", type=int, help="its process, to count CPU and memory")
    parser.add_argument(
        "--overload",
        type=_numbers,
        nargs="?",
        const=list(overload_table.BOUNDS),
        metavar="BOUNDS",
        help=f"instead of all that, {overload.TIMES} times the capacity, "
        "with these HOLDGATE_MAX_CONCURRENT_CHECKS (4,8,32,128)",
    )
    parser.add_argument(
        "--json", type=Path, default=Path(".run/bench.json"), help="where every round is written"
    )
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _overload(options: argparse.Namespace) -> None:
    facts, warning = machine.facts(), machine.warning()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            found = overload_table.measure(Path(name), options.overload, options.rounds, options.seconds)
    except (Unusable, NotReady, EnvoyFailed, OSError) as error:
        sys.exit(f"\nThese figures would be worth nothing: {error}")
    _print_machine(facts)
    print(f"\n{overload.TIMES} times the capacity, through Envoy. Times in ms.\n")
    print(results.text(overload_table.table(found)))
    _leave(options.json, overload_table.document(facts, found), warning)
    failed = sum(run.failed_health_checks for runs in found.values() for run in runs)
    if failed:
        sys.exit(f"Health is to be answered under any load; {failed} of Envoy's checks of it failed.")


def _measure(options: argparse.Namespace, servers: Servers, folder: Path) -> results.Results:
    found = results.Results(machine.facts())
    targets = [Target(OURS, servers.address, servers.pids, servers.metrics)]
    if options.peer:
        pids = {PEER: options.peer_pid} if options.peer_pid else {}
        targets.append(Target(PEER, options.peer, pids))
    body = folder / "question"
    body.write_bytes(framed(check_request().SerializeToString()))
    speeds = {target.name: target.measure(body, 32, _WARM_UP).rate for target in targets}
    with ExitStack() as stack:
        redis = stack.enter_context(Redis.from_url(servers.redis.url, socket_timeout=10))
        redis_before = redis_use.commands(redis)
        addresses = {target.name: target.address for target in targets}
        envoy = stack.enter_context(through_envoy.listening(addresses, servers.environ, folder))
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            # Each round begins with another target, so that none always follows the same one.
            turn = number % len(targets)
            order = [*targets[turn:], *targets[:turn]]
            for streams in options.streams:
                for target in order:
                    asked = max(100, int(speeds[target.name] * options.seconds))
                    found.add_direct(target.name, streams, target.measure(body, streams, asked))
                    found.checks += asked if target.name == OURS else 0
            for rate in options.rates:
                for name in (through_envoy.UNGATED, *(target.name for target in order)):
                    found.add_times(name, rate, envoy.times(name, rate, options.seconds))
        found.redis_commands = redis_use.more(redis_before, redis_use.commands(redis))
    for number in range(options.rounds if options.tickets else 0):
        first = 1 + number * options.tickets
        holds, redemptions = tickets.measure(servers.address, servers.environ, options.tickets, first)
        found.holds.append(holds)
        found.redemptions.append(redemptions)
    return found


def _leave(path: Path, document: str, warning: str) -> None:
    if warning:
        print(f"\n{warning}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document)
    print(f"\nevery round: {path}")


def _print_machine(facts: Mapping[str, str]) -> None:
    print()
    for name, value in facts.items():
        print(f"{name}: {value}")


def _print(found: results.Results) -> None:
    _print_machine(found.machine)
    print("\nAsked directly: medians of all rounds, lowest and highest in parentheses.\n")
    print(results.text(results.direct_table(found, OURS)))
    if found.envoy:
        print("\nThrough Envoy, at fixed rates.\n")
        print(results.text(results.envoy_table(found, through_envoy.UNGATED)))
    if found.holds:
        print(f"\nholds/s {rounds.figure(found.holds)}")
        print(f"redemptions/s {rounds.figure(found.redemptions)}")
    print(
        f"\nRedis commands in {found.checks} plain allows and those through Envoy: {sum(found.redis_commands.values())}"
    )


if __name__ == "__main__":
    main()
