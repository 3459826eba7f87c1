"""The code in authz/wire/, made from proto/: `python -m tools.proto write | check`."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
PACKAGE = Path("authz") / "wire"


def generate(root: Path) -> None:
    """Compile every definition below proto/ into authz/wire/ below `root`, typed, gRPC stubs too."""
    sources = [str(PACKAGE / source.relative_to(SOURCES)) for source in sorted(SOURCES.rglob("*.proto"))]
    outputs = [f"--{kind}_out={root}" for kind in ("python", "mypy", "grpc_python", "mypy_grpc")]
    programs = Path(sys.executable).parent
    plugins = [f"--plugin={name}={programs / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    # The virtual folder makes the generated imports absolute: authz.wire.…
    includes = [f"-I{PACKAGE}={SOURCES}", f"-I{_google_definitions()}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *includes, *plugins, *outputs, *sources]
    compiled = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if compiled.returncode != 0:
        sys.exit(compiled.stderr)
    for folder in [root / PACKAGE, *(path for path in (root / PACKAGE).rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()


def write() -> None:
    """Replace authz/wire/ by what the definitions say now."""
    with tempfile.TemporaryDirectory() as fresh:
        generate(Path(fresh))
        shutil.rmtree(ROOT / PACKAGE, ignore_errors=True)
        shutil.copytree(Path(fresh) / PACKAGE, ROOT / PACKAGE)


def problems() -> list[str]:
    """Name the files that differ from what the definitions say now."""
    with tempfile.TemporaryDirectory() as fresh:
        generate(Path(fresh))
        made = _contents(Path(fresh) / PACKAGE)
    committed = _contents(ROOT / PACKAGE)
    names = sorted(name for name in made.keys() | committed.keys() if made.get(name) != committed.get(name))
    return [
        f"{PACKAGE / name} is not what proto/ says: run `make proto` and commit the result." for name in names
    ]


def _google_definitions() -> Path:
    """Return the folder in which googleapis-common-protos brings google/rpc/*.proto."""
    spec = importlib.util.find_spec("google.rpc")
    if spec is None or spec.submodule_search_locations is None:
        sys.exit("googleapis-common-protos is not installed: run `make setup`.")
    return Path(next(iter(spec.submodule_search_locations))).parent.parent


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.suffix in {".py", ".pyi"})
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write"]:
            write()
        case ["check"]:
            sys.exit("\n".join(problems()) or 0)
        case _:
            sys.exit("usage: python -m tools.proto write | check")
