"""The descriptors of shop.proto, by which gRPC bodies are parsed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.contract.plugin.case import HERE


def write_descriptors(path: Path) -> None:
    """Compile shop.proto, with all that it imports, into a FileDescriptorSet."""
    compiler = [sys.executable, "-m", "grpc_tools.protoc", "--include_imports"]
    subprocess.run(
        [*compiler, f"-I{HERE}", f"--descriptor_set_out={path}", "shop.proto"], check=True, timeout=60
    )
