from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from authz import bootstrap
from authz.adapters.envoy import grpc_body
from authz.adapters.envoy.grpc_body import GrpcBodies
from authz.domain.errors import BadRequest, SettingsInvalid
from authz.settings_loader import load_settings
from tests.contract.plugin.descriptors import write_descriptors

PLACE = ["shop.v1.Orders", "Place"]
# Field 11 is a map: key "k", value 5, and a field 3 that no entry has.
ODD_ENTRY = b"\x5a\x07\x0a\x01k\x10\x05\x18\x01"


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.pb"
    write_descriptors(path)
    return path


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def test_a_map_entry_that_python_puts_aside_is_refused(
    descriptors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upstream in another language reads it. Control: without the guard the policy would see no stock at all."""
    bodies = GrpcBodies(descriptors.read_bytes())
    with pytest.raises(BadRequest):
        bodies.parse(framed(ODD_ENTRY), PLACE)
    monkeypatch.setattr(grpc_body, "_lost_entries", lambda _message: False)
    assert bodies.parse(framed(ODD_ENTRY), PLACE) == ({}, False)


def test_a_known_entry_and_an_unknown_field_are_fine(descriptors: Path) -> None:
    """The field 11 as a number is only unknown: every reader passes it over."""
    bodies = GrpcBodies(descriptors.read_bytes())
    assert bodies.parse(framed(b"\x5a\x05\x0a\x01k\x10\x05\x58\x01"), PLACE) == ({"stock": {"k": 5}}, False)


def test_a_set_that_lacks_an_import_is_the_operators_error(descriptors: Path) -> None:
    """Made without --include_imports."""
    files = FileDescriptorSet.FromString(descriptors.read_bytes())
    alone = FileDescriptorSet(file=[file for file in files.file if file.name == "shop.proto"])
    for wrong in (alone.SerializeToString(), b"\xff", b"no descriptors"):
        with pytest.raises(SettingsInvalid, match=r"HOLDGATE_PROTO_DESCRIPTOR.*--include_imports"):
            GrpcBodies(wrong)


def test_the_setting_names_a_file_that_can_be_read(descriptors: Path, tmp_path: Path) -> None:
    """Else nothing starts; and where bodies aren't parsed, nothing is read."""
    parser = bootstrap.body_parser(load_settings({"HOLDGATE_PROTO_DESCRIPTOR": str(descriptors)}))
    assert parser is not None
    missing = {"HOLDGATE_PROTO_DESCRIPTOR": str(tmp_path / "missing.pb")}
    with pytest.raises(SettingsInvalid, match=r"missing\.pb"):
        bootstrap.body_parser(load_settings(missing))
    assert bootstrap.body_parser(load_settings({**missing, "HOLDGATE_SKIP_BODY_PARSE": "true"})) is None
