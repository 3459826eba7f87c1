"""The app that is uploaded to Teams, held to what its manifest's schema (1.19) and the store's rules for icons say."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, ValidationError

from tools.teams_manifest import PARTS, main, manifest, write

APP = "00000000-0000-0000-0000-0000000000a1"
URL = "https://holdgate.example"


def text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


ADDRESS = {"type": "string", "pattern": "^https://[^/]+/", "maxLength": 2048}
GUID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
SCOPES = {"type": "array", "maxItems": 3, "items": {"enum": ["team", "personal", "groupChat"]}}
COMMAND = {
    "type": "object",
    "required": ["title", "description"],
    "additionalProperties": False,
    "properties": {"title": text(32), "description": text(128)},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": [
        *("$schema", "manifestVersion", "version", "id", "developer", "name", "description", "icons"),
        "accentColor",
    ],
    "additionalProperties": False,
    "properties": {
        "$schema": {
            "const": "https://developer.microsoft.com/json-schemas/teams/v1.19/MicrosoftTeams.schema.json"
        },
        "manifestVersion": {"const": "1.19"},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "id": GUID,
        "developer": {
            "type": "object",
            "required": ["name", "websiteUrl", "privacyUrl", "termsOfUseUrl"],
            "additionalProperties": False,
            "properties": {
                "name": text(32),
                "websiteUrl": ADDRESS,
                "privacyUrl": ADDRESS,
                "termsOfUseUrl": ADDRESS,
            },
        },
        "name": {
            "type": "object",
            "required": ["short", "full"],
            "properties": {"short": text(30), "full": text(100)},
        },
        "description": {
            "type": "object",
            "required": ["short", "full"],
            "properties": {"short": text(80), "full": text(4000)},
        },
        "icons": {
            "type": "object",
            "required": ["color", "outline"],
            "properties": {"color": {"const": "color.png"}, "outline": {"const": "outline.png"}},
        },
        "accentColor": {"type": "string", "pattern": "^#[0-9A-F]{6}$"},
        "bots": {
            "type": "array",
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["botId", "scopes"],
                "additionalProperties": False,
                "properties": {
                    "botId": GUID,
                    "scopes": SCOPES,
                    "isNotificationOnly": {"type": "boolean"},
                    "supportsFiles": {"type": "boolean"},
                    "commandLists": {
                        "type": "array",
                        "maxItems": 3,
                        "items": {
                            "type": "object",
                            "required": ["scopes", "commands"],
                            "additionalProperties": False,
                            "properties": {
                                "scopes": SCOPES,
                                "commands": {"type": "array", "maxItems": 10, "items": COMMAND},
                            },
                        },
                    },
                },
            },
        },
        "validDomains": {"type": "array", "maxItems": 16, "items": {"type": "string", "pattern": "^[^/:]+$"}},
    },
}


def test_the_manifest_is_one() -> None:
    made = json.loads(manifest(APP.upper(), URL))
    Draft7Validator(SCHEMA).validate(made)
    assert made["id"] == made["bots"][0]["botId"] == APP
    assert "HOST" not in json.dumps(made)
    assert "APP-ID" not in json.dumps(made)


def test_the_template_alone_is_none() -> None:
    with pytest.raises(ValidationError):
        Draft7Validator(SCHEMA).validate(json.loads((PARTS / "manifest.json").read_text()))


def test_the_commands_in_the_menu_are_those_that_the_bot_knows() -> None:
    menu = json.loads(manifest(APP, URL))["bots"][0]["commandLists"][0]["commands"]
    assert {one["title"] for one in menu} == {"approvals", "approve", "reject", "here", "help"}


@pytest.mark.parametrize(
    ("app", "url"),
    [("holdgate", URL), (APP, "http://holdgate.example"), (APP, "https://"), (APP, f"{URL}/console")],
)
def test_what_teams_would_refuse_is_refused_here(app: str, url: str, tmp_path: Path) -> None:
    target = tmp_path / "app.zip"
    assert main([app, url, str(target)]) == 2
    assert not target.exists()


def test_an_address_with_a_port_is_named_without_it(tmp_path: Path) -> None:
    write(APP, "https://holdgate.example:8443", tmp_path / "app.zip")
    with zipfile.ZipFile(tmp_path / "app.zip") as app:
        made = json.loads(app.read("manifest.json"))
    assert made["validDomains"] == ["holdgate.example"]
    assert made["developer"]["websiteUrl"] == "https://holdgate.example:8443/"


def pixels(path: Path) -> tuple[int, int, list[tuple[int, ...]]]:
    """Return width, height and the pixels of an 8-bit PNG that isn't interlaced (PNG specification)."""
    data = path.read_bytes()
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    assert (depth, interlaced) == (8, 0)
    step = {2: 3, 6: 4}[kind]
    packed, at = b"", 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    raw = zlib.decompress(packed)
    rows: list[bytearray] = []
    for y in range(height):
        start = y * (width * step + 1)
        rows.append(_unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + width * step]), rows, step))
    return width, height, [tuple(row[x : x + step]) for row in rows for x in range(0, width * step, step)]


def _unfiltered(kind: int, row: bytearray, before: list[bytearray], step: int) -> bytearray:
    above = before[-1] if before else bytearray(len(row))
    for index, value in enumerate(row):
        left = row[index - step] if index >= step else 0
        corner = above[index - step] if index >= step else 0
        estimate = left + above[index] - corner
        nearest = min((left, above[index], corner), key=lambda one: abs(estimate - one))
        row[index] = (value + (0, left, above[index], (left + above[index]) // 2, nearest)[kind]) % 256
    return row


def test_the_coloured_icon_has_the_size_of_the_store() -> None:
    width, height, shown = pixels(PARTS / "color.png")
    assert (width, height) == (192, 192)
    assert len(set(shown)) > 2


def test_the_outline_is_white_on_nothing() -> None:
    width, height, shown = pixels(PARTS / "outline.png")
    assert (width, height) == (32, 32)
    assert {pixel[:3] for pixel in shown if pixel[3] == 255} == {(255, 255, 255)}
    assert any(pixel[3] == 0 for pixel in shown)
