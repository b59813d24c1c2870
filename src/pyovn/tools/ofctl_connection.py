"""A blocking OpenFlow connection, for tools: no event loop, one request at a time.

Version negotiation is a hello each way (OpenFlow 1.5.1, section 6.3.1).  Echo requests are answered while
waiting, other unasked messages are skipped.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import TYPE_CHECKING, Final, Self

from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.codec import Framer, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyovn.tools.ofctl_settings import Settings

_READ: Final = 1 << 18
_FIRST_XID: Final = 2  # as in C, where the hello took 1


class CommandError(ValueError):
    """A command that cannot be done as it was given."""


class UnreachableError(Exception):
    """The switch cannot be reached, went away, or speaks another version."""


class EndOfStreamError(UnreachableError):
    """The switch hung up."""


class RefusedError(Exception):
    """The switch answered with an error; the text is what ovs-ofctl prints about it."""


def address_of(name: str, rundir: str) -> str:
    """``unix:PATH`` or ``tcp:HOST:PORT`` of a bridge's name, a socket's path, or a connection method."""
    if name.startswith(("unix:", "tcp:")):
        return name
    for path in (f"{rundir}/{name}.mgmt", name):
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116 - pathlib is slow to import
                return f"unix:{path}"
        except OSError:
            continue
    raise UnreachableError(f"{name} is not a bridge or a socket")


class OpenFlowConnection:
    """Connected and past the hellos; raises ``UnreachableError`` when that cannot be."""

    def __init__(self, address: str, timeout: float | None = None, versions: tuple[int, ...] = (6,)) -> None:
        """Connect to ``unix:PATH`` or ``tcp:HOST[:PORT]``; of ``versions`` the highest is spoken."""
        self.address = address
        self._extended = False
        self._framer = Framer()
        self._waiting: list[bytes] = []
        self._xid = _FIRST_XID - 1
        try:
            self._socket = _connect(address, timeout)
        except OSError as error:
            raise UnreachableError(f"connecting to {address} ({error.strerror or error})") from error
        self._send(encode(ofp.Hello(versions), 1, max(versions)))
        self.version = 0
        _, hello = self._receive()
        common = set(versions) & set(hello.versions) if isinstance(hello, ofp.Hello) else None
        if not common:
            raise UnreachableError(f"{address}: failed to connect to socket (version negotiation failed)")
        self.version = max(common)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def next_xid(self) -> int:
        """A transaction id that was not used yet."""
        self._xid += 1
        return self._xid

    @property
    def tag(self) -> str:
        """What stands before the transaction id of a message: its version, unless that is 1.0."""
        return version_tag(self.version)

    def extend(self) -> None:
        """Before flows are changed: in OpenFlow 1.0 ask for NXM and for tables (ovs-ofctl(8), -F)."""
        if self.version == 1 and not self._extended:
            self._extended = True
            for message in (ofp.SetFlowFormat(2), ofp.FlowModTableId(on=True)):
                self._send(self._encode(message, self.next_xid()))

    def _encode(self, message: ofp.Message, xid: int) -> bytes:
        return encode(message, xid, self.version)

    def messages(self) -> Iterator[tuple[int, ofp.Message]]:
        """What the switch says, one by one, until it hangs up."""
        while True:
            try:
                yield self._receive()
            except EndOfStreamError:
                return

    def tell(self, message: ofp.Message) -> int:
        """Send a message and wait for nothing; its transaction id."""
        xid = self.next_xid()
        self._send(self._encode(message, xid))
        return xid

    @property
    def last_xid(self) -> int:
        """The transaction id of the latest request."""
        return self._xid

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise UnreachableError(f"talking to {self.address} ({error.strerror or error})") from error

    def _receive(self) -> tuple[int, ofp.Message]:
        while True:
            while not self._waiting:
                try:
                    data = self._socket.recv(_READ)
                except OSError as error:
                    raise UnreachableError(
                        f"talking to {self.address} ({error.strerror or error})"
                    ) from error
                if not data:
                    raise EndOfStreamError(f"talking to {self.address} (End of file)")
                self._waiting = self._framer.feed(data)
            xid, message = decode(self._waiting.pop(0))
            if not isinstance(message, ofp.EchoRequest):
                return xid, message
            self._send(encode(ofp.EchoReply(message.data), xid, self.version or 1))

    def request(self, message: ofp.Message) -> list[ofp.Message]:
        """Send a request; the reply, or all segments of it.  Raises ``RefusedError``."""
        xid = self.next_xid()
        self._send(self._encode(message, xid))
        replies: list[ofp.Message] = []
        while True:
            answered, reply = self._receive()
            if answered != xid:
                continue
            if isinstance(reply, ofp.Error):
                raise RefusedError(_refusal(reply, message, xid, self.version))
            replies.append(reply)
            if not getattr(reply, "more", False):
                return replies

    def change(self, messages: Iterable[ofp.Message]) -> None:
        """Send messages that have no reply, then a barrier; raises ``RefusedError`` with all refusals."""
        self.extend()
        sent: dict[int, ofp.Message] = {}
        out: list[bytes] = []
        for message in messages:
            xid = self.next_xid()
            sent[xid] = message
            out.append(self._encode(message, xid))
        refusals = self._run(out, sent)
        if refusals:
            raise RefusedError(
                "\n".join([_refusal(error, sent[xid], xid, self.version) for xid, error in refusals])
            )

    def _run(self, out: list[bytes], sent: dict[int, ofp.Message]) -> list[tuple[int, ofp.Error]]:
        barrier = self.next_xid()
        self._send(b"".join([*out, self._encode(ofp.BarrierRequest(), barrier)]))
        refusals: list[tuple[int, ofp.Error]] = []
        while True:
            xid, reply = self._receive()
            if xid == barrier:
                return refusals
            if isinstance(reply, ofp.Error) and xid in sent:
                refusals.append((xid, reply))

    def bundle(self, messages: Iterable[ofp.Message]) -> None:
        """Change all or nothing, in an atomic and ordered bundle; raises ``RefusedError``."""
        self.request(ofp.BundleControl(0, ofp.BUNDLE_OPEN_REQUEST))
        sent: dict[int, ofp.Message] = {}
        out: list[bytes] = []
        for message in messages:
            xid = self.next_xid()
            sent[xid] = message
            out.append(self._encode(ofp.BundleAdd(0, message), xid))
        close = ofp.BundleControl(0, ofp.BUNDLE_CLOSE_REQUEST)
        commit = ofp.BundleControl(0, ofp.BUNDLE_COMMIT_REQUEST)
        for control in (close, commit):
            xid = self.next_xid()
            sent[xid] = control
            out.append(self._encode(control, xid))
        refusals = self._run(out, sent)
        if refusals:
            from pyovn.wire.openflow.text_messages import format_error, format_request

            lines = [
                f"Error {format_error(error)} for: {format_request(sent[xid], xid, self.version)}"
                for xid, error in refusals
            ]
            lines.append(f"ovs-ofctl: talking to {self.address} (Protocol error)")
            raise RefusedError("\n".join(lines))


def version_tag(version: int) -> str:
    """`` (OF1.5)``; nothing for 1.0."""
    return "" if version == 1 else f" (OF1.{version - 1})"


def _refusal(error: ofp.Error, message: ofp.Message, xid: int, version: int) -> str:
    from pyovn.wire.openflow.text_messages import format_error, format_request

    head = f"OFPT_ERROR{version_tag(version)} (xid={xid:#x}): {format_error(error)}"
    return f"{head}\n{format_request(message, xid, version)}"


def _connect(address: str, timeout: float | None) -> socket.socket:
    method, _, rest = address.partition(":")
    if method == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(rest)
        except OSError:
            connection.close()
            raise
        return connection
    host, colon, port = rest.rpartition(":")
    if not colon or not port.isdigit():
        host, port = rest, "6653"
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


def connect(settings: Settings, name: str) -> OpenFlowConnection:
    """A connection to the switch that a command names."""
    return OpenFlowConnection(address_of(name, settings.rundir), settings.timeout, settings.versions)
