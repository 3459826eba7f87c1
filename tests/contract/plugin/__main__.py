"""Runs the cases against any ext_authz server: `python -m tests.contract.plugin --peer HOST:PORT`.

The server has to answer by the policies that `--write DIR` writes and, for gRPC bodies, by the descriptors beside
them (DIR/shop.pb). Exit status 1 when an answer isn't the observed one.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.contract.plugin.answer import plain
from tests.contract.plugin.asking import Asking
from tests.contract.plugin.case import CONFIGURATIONS, cases, write_policies
from tests.contract.plugin.descriptors import write_descriptors


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.plugin", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="DIR", help="write policies and descriptors, and stop")
    parser.add_argument("--peer", metavar="HOST:PORT", help="the server to ask")
    parser.add_argument("--configuration", choices=CONFIGURATIONS, default="default")
    parser.add_argument(
        "--observe", action="store_true", help="print the answers as JSON instead of judging them"
    )
    given = parser.parse_args()
    if given.write:
        given.write.mkdir(parents=True, exist_ok=True)
        write_policies(given.write, list(cases()))
        write_descriptors(given.write / "shop.pb")
        return 0
    if not given.peer:
        parser.error("--peer or --write is needed")
    asked = [case for case in cases() if case.configuration == given.configuration]
    with Asking(given.peer) as server:
        answers = {case.name: plain(server.ask(case.request)) for case in asked}
    if given.observe:
        sys.stdout.write(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")
        return 0
    other = [case for case in asked if answers[case.name] != case.observed]
    for case in other:
        sys.stdout.write(f"{case.name}: {json.dumps(answers[case.name])[:300]}\n")
    sys.stdout.write(f"{len(asked) - len(other)} of {len(asked)} answers are the observed ones\n")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
