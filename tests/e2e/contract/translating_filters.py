"""Filters of Envoy's that make gRPC calls of what their callers send, put before everything else."""

from __future__ import annotations

from base64 import b64encode

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from tests.e2e.envoy_config.stack import Change, Document, manager

_TYPE = "type.googleapis.com/envoy.extensions.filters.http"


def _inserted(name: str, position: int, **config: object) -> Change:
    def insert(document: Document) -> None:
        named = {"name": f"envoy.filters.http.{name}", "typed_config": config}
        filters = manager(document)["http_filters"]
        filters.insert(position % len(filters), named)

    return insert


def grpc_web(position: int = 0) -> Change:
    """Let callers speak gRPC-Web. At -1, the filter comes last, after the check."""
    return _inserted("grpc_web", position, **{"@type": f"{_TYPE}.grpc_web.v3.GrpcWeb"})


def connect() -> Change:
    """Let callers speak Connect."""
    return _inserted("connect_grpc_bridge", 0, **{"@type": f"{_TYPE}.connect_grpc_bridge.v3.FilterConfig"})


def transcoding(service: str, method: str, position: int = 0) -> Change:
    """Let callers POST JSON to a method whose message has one text, `id`. At -1, the filter comes last."""
    package, _, name = service.rpartition(".")
    described = FileDescriptorSet()
    file = described.file.add(name="orders.proto", package=package, syntax="proto3")
    file.message_type.add(name="Order").field.add(
        name="id",
        number=1,
        type=FieldDescriptorProto.TYPE_STRING,
        label=FieldDescriptorProto.LABEL_OPTIONAL,
    )
    order = f".{package}.Order"
    file.service.add(name=name).method.add(name=method, input_type=order, output_type=order)
    return _inserted(
        "grpc_json_transcoder",
        position,
        **{
            "@type": f"{_TYPE}.grpc_json_transcoder.v3.GrpcJsonTranscoder",
            "proto_descriptor_bin": b64encode(described.SerializeToString()).decode(),
            "services": [service],
            "auto_mapping": True,
        },
    )
