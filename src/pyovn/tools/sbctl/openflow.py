"""The OpenFlow flows behind logical flows, for ``--ovs`` of ``lflow-list`` and ovn-trace, from one switch.

ovn-controller gives each OpenFlow flow a cookie, the first 32 bits of the UUID of the row it was made for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon import paths
from pyovn.tools.ctl.errors import warn
from pyovn.tools.ofctl_connection import OpenFlowConnection, UnreachableError
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.text import format_flow, format_flow_desc

if TYPE_CHECKING:
    from pyovn.ovsdb.values import UUID

EXACT: Final = (1 << 64) - 1
DEFAULT_PRIORITY: Final = 32768
"""Not shown, whatever the flow's own is: the logical flow's is on the line above."""


class Switch:
    """A connection to a switch, or none when it cannot be reached, which is a warning."""

    def __init__(self, remote: str | None, *, stats: bool, module: str = "sbctl") -> None:
        self.stats = stats
        self.connection: OpenFlowConnection | None = None
        remote = remote or f"unix:{paths.ovs().run_file('br-int.mgmt')}"
        if not remote.startswith(("unix:", "tcp:", "ssl:")):
            warn(module, f"{remote}: connection failed (Address family not supported by protocol)")
            return
        try:
            self.connection = OpenFlowConnection(remote)
        except UnreachableError as error:
            reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else str(error)
            warn(module, f"{remote}: connection failed ({reason})")

    def lines(self, uuid: UUID | str) -> list[str]:
        """The flows that were made for a row, without margin."""
        if self.connection is None:
            return []
        request = mp.FlowDescRequest(cookie=int(uuid[:8], 16), cookie_mask=EXACT)
        replies = self.connection.request(request)
        descs = [desc for reply in replies if isinstance(reply, mp.FlowDescReply) for desc in reply.entries]
        return [self._format(desc) for desc in sorted(descs, key=lambda desc: desc.flow.table)]

    def _format(self, desc: mp.FlowDesc) -> str:
        if self.stats:
            return format_flow_desc(desc)
        flow = desc.flow
        plain = Flow(0, DEFAULT_PRIORITY, flow.match, flow.actions)
        return f"table={flow.table} {format_flow(plain, show_table=False)}"
