"""Where settings are read from: an environment, the files of secrets that it names, and its YAML file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

PREFIX = "HOLDGATE_"
CONFIG_VARIABLE = "HOLDGATE_CONFIG"
WORKER_VARIABLE = "HOLDGATE_WORKER"
"""Set for a worker process: its number. Its standard input ends when the process that started it is gone."""
SECRETS = ("channels", "oidc_client_secret", "redis_url", "ticket_keys")


@dataclass(slots=True)
class Given:
    """Where one load reads from: an environment, and what the files named there hold."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    file: dict[str, object] = field(default_factory=dict)
    secrets: dict[str, object] = field(default_factory=dict)

    def read_files(self, problems: list[str]) -> None:
        """Read the files, and add a line for each that can't be. No line repeats what stands in one."""
        path = self.environ.get(CONFIG_VARIABLE)
        try:
            found = yaml.safe_load(Path(path).read_text(encoding="utf-8")) if path else None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            problems.append(f"{CONFIG_VARIABLE}: {path} can't be read: {_reason(error)}")
            found = None
        if isinstance(found, dict):
            self.file = {str(name): value for name, value in found.items()}
        elif found is not None:
            problems.append(f"{CONFIG_VARIABLE}: {path} must hold a mapping of settings")
        for name in SECRETS:
            variable = f"{PREFIX}{name.upper()}_FILE"
            path = self.environ.get(variable)
            if path:
                try:
                    self.secrets[name] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    problems.append(f"{variable}: {path} can't be read: {_reason(error)}")


# What the load that is under way reads from: pydantic makes the sources itself and passes them nothing of ours.
given: ContextVar[Given] = ContextVar("given", default=Given())  # noqa: B039 - replaced, never changed


class Environment(EnvSettingsSource):
    """The environment that `load_settings` was given."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in given.get().environ.items()}


class FromFile(PydanticBaseSettingsSource):
    """What was read from files."""

    def __init__(self, settings_cls: type[BaseSettings], found: dict[str, object]) -> None:
        super().__init__(settings_cls)
        self._found = found

    def __call__(self) -> dict[str, object]:
        """Return all of it at once."""
        return self._found

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:  # noqa: ARG002 - asked by the base class
        """Unused: `__call__` gives all of them."""
        return None, field_name, False


def _reason(error: Exception) -> str:
    """Say why, without a word of what stands in the file."""
    match error:
        case OSError():
            return str(error.strerror)
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case yaml.MarkedYAMLError() if error.problem_mark:
            return f"it is not YAML from line {error.problem_mark.line + 1} on"
        case _:
            return "it is not YAML"
