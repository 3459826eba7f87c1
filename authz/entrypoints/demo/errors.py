"""What can go wrong with the demo itself.

DemoError
├── DemoRefused    it can't start here; every reason is listed -> exit 2
├── NotRunning     a command needs a running demo, or something that the running one doesn't have -> exit 2
├── ChildDied      one of its processes ended by itself -> exit 1
├── ChildNotReady  one of its processes runs but doesn't answer in time -> exit 1
└── LogLost        what one of its processes writes can't be kept, as on a full disk -> exit 1
"""

from __future__ import annotations

from collections.abc import Sequence

from authz.domain.errors import HoldgateError


class DemoError(HoldgateError):
    """Root of the tree; nothing raises it directly."""


class DemoRefused(DemoError):
    """Everything at once that keeps the demo from starting, one sentence each in `problems`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotRunning(DemoError):
    """No running demo to ask, or it doesn't know what was asked for. The message says what to do."""


class ChildDied(DemoError):
    """A process of the demo ended by itself. `code` is its exit code, negative for a signal."""

    def __init__(self, name: str, code: int, tail: Sequence[str], log: str) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        super().__init__(_with_tail(f"{name} {how}", tail, log))
        self.name = name
        self.code = code


class ChildNotReady(DemoError):
    """A process of the demo didn't answer within its time."""

    def __init__(self, name: str, seconds: float, why: str, tail: Sequence[str], log: str) -> None:
        super().__init__(_with_tail(f"{name} was not ready after {seconds:g} s ({why})", tail, log))
        self.name = name


class LogLost(DemoError):
    """The output of a process could not be written, so the process was ended."""

    def __init__(self, name: str, why: BaseException) -> None:
        super().__init__(f"the output of {name} can't be written to its log, so it was ended: {why}")
        self.name = name


def _with_tail(sentence: str, tail: Sequence[str], log: str) -> str:
    if not tail:
        return f"{sentence}; it wrote nothing to {log}"
    return "\n".join([f"{sentence}; its last lines, of {log}:", *(f"    {line}" for line in tail)])
