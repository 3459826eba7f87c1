"""gRPC calls: messages of tests/contract/plugin/shop.proto behind their prefix, whole and damaged."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.fuzz.differential.chance import Chance
from tests.fuzz.differential.filling import fill

TYPES: Sequence[bytes] = (b"application/grpc", b"application/grpc+proto", b"application/grpc-web+proto")
_PLACE = "/shop.v1.Orders/Place"
_PATHS: Sequence[str] = (
    *("/shop.v1.Orders/Watch", "/shop.v1.Orders/Upload", "/shop.v1.Orders/Nope", "/shop.v1.Nope/Place"),
    *("/shop.v1.Order/Place", "/a", "/a/b/c", "//shop.v1.Orders/Place", "/shop.v1.Orders/Place/"),
    *("/shop.v1.Orders%2FPlace?x=1", "/shop.v1.Orders/place", "/.shop.v1.Orders/Place"),
)
_PIECES: Sequence[bytes] = (
    *(b"\xff", b"\x0a\x01\xff", b"\x08\x01", b"\x7b", b"\x80\x80", b"\x0b\x0c"),
    *(b"\x18" + b"\xff" * 9 + b"\x01", b"\x18" + b"\xff" * 9 + b"\x7f"),
)
# The tags of Order's maps. The plugin's process ends on an entry that has no key (observed with damaged messages), so
# a damaged message that may have one is not sent.
_MAPS = (b"\x5a", b"\xca\x01")


class GrpcCalls:
    """Makes them by the descriptors that both servers have."""

    def __init__(self, descriptor_set: bytes) -> None:
        """`descriptor_set` is what `write_descriptors` wrote."""
        pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(descriptor_set).file:
            pool.Add(file)
        self._order = GetMessageClass(pool.FindMessageTypeByName("shop.v1.Order"))

    def path(self, chance: Chance) -> str:
        """Return the target of a call."""
        return chance.mostly(_PLACE, 0.4, _PATHS)

    def body(self, chance: Chance) -> bytes:
        """Return the prefix with a message."""
        if chance.happens(0.05):
            return chance.randbytes(chance.randint(0, 7))
        order = self._order()
        fill(chance, order, chance.choice((0.03, 0.1, 0.2)))
        data = order.SerializeToString()
        if chance.happens(0.15):
            damaged = chance.damaged(data, _PIECES)
            data = data if any(tag in damaged for tag in _MAPS) else damaged
        length = max(0, len(data) + chance.mostly(0, 0.2, (1, -1, 5)))
        first = chance.mostly(b"\x00", 0.1, (b"\x01", b"\x02"))
        return first + struct.pack(">I", length) + data + chance.mostly(b"", 0.2, (b"\x00" * 5, b"x"))

    def message(self, body: bytes) -> Message | None:
        """Read the message of a body as far as this runtime can."""
        order = self._order()
        try:
            order.ParseFromString(body[5 : 5 + int.from_bytes(body[1:5], "big")])
        except ValueError:
            return None
        return order
