"""Speaking as one of the demo's people to the demo that runs."""

from __future__ import annotations

import os
from dataclasses import dataclass

from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from authz.entrypoints.demo.context import bearer_token
from authz.entrypoints.demo.errors import NotRunning
from authz.entrypoints.demo.run_directory import RunDirectory, run_directory
from authz.entrypoints.management.demo_identity import AUDIENCE

TOKEN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class DemoCaller:
    """One of the running demo's people. The run's key, which only this account can read, proves it."""

    run: RunDirectory
    name: str

    @property
    def address(self) -> str:
        """Where the running demo's management API listens."""
        return f"unix:{self.run.management_socket}"

    def token(self) -> str:
        """Return a fresh bearer token for the management API. Raises CommandFailed."""
        try:
            return bearer_token(self.run, self.name, audience=AUDIENCE, lifetime=TOKEN_SECONDS)
        except NotRunning as error:
            code = ExitCode.USAGE if self.run.is_held() else ExitCode.UNAVAILABLE
            raise CommandFailed(str(error), code) from error


def demo_caller(name: str) -> DemoCaller:
    """Return the demo person as whom to speak. RUN_DIR names the run, `.run` of the checkout without it."""
    return DemoCaller(run_directory(os.environ), name)
