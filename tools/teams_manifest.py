"""Makes the app that is uploaded to Teams: `python3 tools/teams_manifest.py APP-ID PUBLIC-URL [FILE.zip]`.

It needs Python alone, and reads deploy/teams/.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

PARTS = Path(__file__).resolve().parent.parent / "deploy" / "teams"
USAGE = "usage: python3 tools/teams_manifest.py APP-ID PUBLIC-URL [FILE.zip]"

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def manifest(app_id: str, public_url: str) -> str:
    """Return the manifest of one installation. Raises ValueError for what Teams would refuse."""
    app_id = app_id.lower()
    if not _GUID.fullmatch(app_id):
        msg = f"{app_id!r} is no app id: 8-4-4-4-12 hexadecimal digits"
        raise ValueError(msg)
    address = urlsplit(public_url)
    if address.scheme != "https" or not address.hostname or address.path.strip("/"):
        msg = f"{public_url!r} is not https://HOST: Teams sends to nothing else"
        raise ValueError(msg)
    text = (PARTS / "manifest.json").read_text(encoding="utf-8")
    made = json.loads(text.replace("APP-ID", app_id).replace("HOST", address.netloc))
    made["validDomains"] = [address.hostname]
    return json.dumps(made, indent=2) + "\n"


def write(app_id: str, public_url: str, target: Path) -> None:
    """Write the app: the manifest and its two icons, at the top of a zip file. Raises ValueError and OSError."""
    content = manifest(app_id, public_url)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as app:
        app.writestr("manifest.json", content)
        for icon in ("color.png", "outline.png"):
            app.write(PARTS / icon, icon)


def main(arguments: list[str]) -> int:
    """Make the app that the command line asks for; return the exit code."""
    if len(arguments) not in {2, 3}:
        print(USAGE, file=sys.stderr)
        return 2
    target = Path(arguments[2] if len(arguments) > 2 else "holdgate-teams.zip")  # noqa: PLR2004 - the third
    try:
        write(arguments[0], arguments[1], target)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{target}: upload it in the Teams admin center, or in Teams under Apps, Manage your apps.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
