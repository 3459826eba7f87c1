"""Coverage-guided fuzzing of one target: `python -m tests.fuzz.guided TARGET FOLDER RUNS [libFuzzer's arguments]`.

Started by `python -m tests.fuzz`, which knows where atheris is. The folder keeps the inputs that found new ways.
"""

from __future__ import annotations

import io
import shlex
import sys
from contextlib import redirect_stderr
from pathlib import Path
from typing import Final

import atheris

# Imported here, so that every branch of the package counts: what was imported before can't be guided by.
with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["authz"]):
    from tests.fuzz.boundary import rendered_logs
    from tests.fuzz.differential.chance import Chance
    from tests.fuzz.differential.results import result
    from tests.fuzz.memory import FlatMemory
    from tests.fuzz.messages import changed
    from tests.fuzz.targets import MESSAGES, TARGETS, seeds

_WARM_UP: Final = 20_000
_MORE: Final = 32


def main() -> None:
    """Fuzz until an option of libFuzzer's ends it; status 77 when a promise was broken."""
    name, corpus, runs, *options = sys.argv[1:]
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(name)):
        (folder / f"seed-{number:04}").write_bytes(data)
    target, memory = TARGETS[name](), FlatMemory(_WARM_UP)

    def once(data: bytes) -> None:
        target(data)
        memory.count()
        if memory.inputs == int(runs):
            # libFuzzer ends the process, so that nothing is left to be said behind it.
            sys.stdout.write(
                f"{name}: {memory.inputs:,} inputs by coverage, {dict(target.seen)}, {memory.text()}\n"
            )
            sys.stdout.flush()

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        chance = Chance(seed)
        if name == "opa-body" and chance.happens(0.3):
            return data[:1] + f'{{"result": {result(chance)}}}'.encode()[: longest - 1]
        if name not in MESSAGES or chance.happens(0.3):
            mutated: bytes = atheris.Mutate(data, longest)
            return mutated
        within = changed(data, chance, lambda text: atheris.Mutate(text, len(text) + _MORE))
        return within[:longest]

    # What libFuzzer starts again, in a shell, where it merges.
    again = shlex.join([sys.executable, "-m", "tests.fuzz.guided", name, corpus, runs])
    atheris.Setup([again, f"-runs={runs}", str(folder), *options], once, custom_mutator=mutate)
    with rendered_logs():
        atheris.Fuzz()


if __name__ == "__main__":
    main()
