"""Bundles: several changes that happen together or not at all (OpenFlow 1.5.1, sections 6.9 and 7.3.9).

A bundle only collects; nothing is checked before the commit, except that its messages may stand in a
bundle.  The commit applies them in order to the live tables with a journal, and takes everything back
when one is refused.  The controller gets the error of that message, under its own transaction id, and
then OFPBFC_MSG_FAILED for the commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.vswitch import errors
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowmods import Changes
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow.codec import encode

if TYPE_CHECKING:
    from pyovn.vswitch.connection import Connection

_ALLOWED: Final = (msg.FlowMod, msg.GroupMod, msg.PortMod, msg.PacketOut, msg.TlvTableMod, msg.MeterMod)


class Bundle:
    """The messages of one bundle with their transaction ids."""

    __slots__ = ("closed", "flags", "messages")

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.closed = False
        self.messages: list[tuple[msg.Message, int]] = []

    @staticmethod
    def control(connection: Connection, request: msg.BundleControl) -> msg.BundleControl | None:
        """Carry out a bundle control request; the answer."""
        bundles = connection.bundles
        bundle = bundles.get(request.id)
        if request.type == msg.BUNDLE_OPEN_REQUEST:
            if bundle is not None:
                del bundles[request.id]
                raise OpenFlowError(errors.BUNDLE_BAD_ID, f"bundle {request.id} is open already")
            bundles[request.id] = Bundle(request.flags)
        elif bundle is None:
            raise OpenFlowError(errors.BUNDLE_BAD_ID, f"there is no bundle {request.id}")
        elif request.type == msg.BUNDLE_CLOSE_REQUEST:
            if bundle.closed:
                del bundles[request.id]
                raise OpenFlowError(errors.BUNDLE_CLOSED, f"bundle {request.id} is closed already")
            bundle.closed = True
        elif request.type == msg.BUNDLE_COMMIT_REQUEST:
            del bundles[request.id]
            bundle.commit(connection)
        elif request.type == msg.BUNDLE_DISCARD_REQUEST:
            del bundles[request.id]
        else:
            raise OpenFlowError(errors.BUNDLE_BAD_TYPE, f"bundle control type {request.type}")
        return msg.BundleControl(request.id, request.type + 1, request.flags)

    @staticmethod
    def add(connection: Connection, request: msg.BundleAdd, xid: int) -> None:
        """Put a message into a bundle, which an add to an unknown number opens."""
        if not isinstance(request.message, _ALLOWED):
            raise OpenFlowError(
                errors.BUNDLE_MESSAGE_UNSUPPORTED, f"{type(request.message).__name__} in a bundle"
            )
        bundle = connection.bundles.get(request.id)
        if bundle is None:
            bundle = connection.bundles[request.id] = Bundle(request.flags)
        if bundle.closed:
            del connection.bundles[request.id]
            raise OpenFlowError(errors.BUNDLE_CLOSED, f"bundle {request.id} is closed")
        if bundle.flags != request.flags:
            del connection.bundles[request.id]
            raise OpenFlowError(errors.BUNDLE_BAD_FLAGS, f"bundle {request.id} was opened with other flags")
        bundle.messages.append((request.message, xid))

    def commit(self, connection: Connection) -> None:
        """Apply all or nothing; raises ``OpenFlowError``."""
        changes = Changes()
        connection.host.datapath.collect()
        for message, xid in self.messages:
            try:
                connection.apply(message, changes)
            except OpenFlowError as e:
                changes.undo()
                connection.refuse(e, encode(message, xid, connection.version), xid)
                raise OpenFlowError(errors.BUNDLE_MESSAGE_FAILED, f"bundle taken back: {e.text}") from None
        connection.server.finish(changes, connection, self.messages[-1][1] if self.messages else 0)
