"""Scripts for the browser that draw cards in tests as Teams' own client would, from npm: .tools/npm/NAME-VERSION.js.

Each is one file of one package, which needs no other. npm fetches the package; its digest is checked here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.console import SetupError, run, say

SCRIPTS = Path(__file__).resolve().parent.parent / ".tools" / "npm"


@dataclass(frozen=True)
class Script:
    """`sha512` is the base64 digest of the package, as npm calls its integrity; `member` the file in it."""

    package: str
    version: str
    sha512: str
    member: str

    @property
    def path(self) -> Path:
        """Where it is once it was prepared."""
        return SCRIPTS / f"{self.package}-{self.version}.js"


ADAPTIVE_CARDS = Script(
    "adaptivecards",
    "3.0.6",
    "WDCIb2WXZ7cOHJ9HIHRNdhSt861HySVOdN2xPk2aKHAF3JvD8QGQ8/XcNFrDJxCteOog8MM7EBlXfSAR8JXKAg==",
    "package/dist/adaptivecards.min.js",
)
MARKDOWN_IT = Script(
    "markdown-it",
    "14.1.0",
    "a54IwgWPaeBCAAsv13YgmALOF1elABB08FxO9i+r4VFk5Vl4pKokRPeX8u5TCgSsPi6ec1otfLjdOpVcgbpshg==",
    "package/dist/markdown-it.min.js",
)
CARD_RENDERER = (ADAPTIVE_CARDS, MARKDOWN_IT)


def ready() -> bool:
    """Say whether cards can be drawn."""
    return all(script.path.exists() for script in CARD_RENDERER)


def prepare() -> None:
    """Fetch what is missing. Raises SetupError without npm, when it fails, and when a package is another one."""
    missing = [script for script in CARD_RENDERER if not script.path.exists()]
    if not missing:
        return
    if shutil.which("npm") is None:
        raise SetupError(
            "Cards are drawn with two packages of npm, and there is no npm on PATH: install Node.js."
        )
    SCRIPTS.mkdir(parents=True, exist_ok=True)
    for script in missing:
        _fetch(script)


def prepare_if_possible() -> None:
    """Do the same for the tests, which go without where it can't be done. Raises SetupError for a wrong package."""
    if shutil.which("npm") is None and not ready():
        say("npm", "tests that draw cards will not run: there is no npm on PATH")
        return
    try:
        prepare()
    except WrongPackage:
        raise
    except SetupError as error:
        say("npm", f"tests that draw cards will not run: {str(error).splitlines()[0]}")


class WrongPackage(SetupError):
    """What came is not what was pinned."""


def _fetch(script: Script) -> None:
    say("npm", f"fetching {script.package} {script.version}")
    with tempfile.TemporaryDirectory(dir=SCRIPTS) as folder:
        # Packing runs no script of the package, and none of others: nothing is installed.
        run("npm", ["npm", "pack", "--silent", f"{script.package}@{script.version}"], cwd=Path(folder))
        packed = Path(folder) / f"{script.package}-{script.version}.tgz"
        unpack(script, packed).replace(script.path)


def unpack(script: Script, packed: Path) -> Path:
    """Return the script's file, taken out of the package beside it. Raises WrongPackage."""
    found = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode("ascii")
    if not hmac.compare_digest(found, script.sha512):
        raise WrongPackage(
            f"{script.package} {script.version} has the digest sha512-{found},\n"
            f"and tools/npm.py pins sha512-{script.sha512}: don't use it, and find out why."
        )
    with tarfile.open(packed) as archive:
        member = archive.extractfile(script.member)
        if member is None:
            raise WrongPackage(f"{script.package} {script.version} has no file {script.member}.")
        unpacked = packed.with_suffix(".js")
        unpacked.write_bytes(member.read())
    return unpacked
