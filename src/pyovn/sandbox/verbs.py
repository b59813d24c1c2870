"""What ``pyovn sandbox`` does within a sandbox: one table, read by the command line and by the host.

The command line checks the number of arguments and prints help; the host carries a verb out by the function
that ``handler`` names.  A verb without a handler is the command line's own.  Nothing heavy is imported here.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Verb(NamedTuple):
    """One verb; ``most`` arguments, ``text`` for its own help: what it does, and examples."""

    name: str
    usage: str
    least: int
    most: int
    summary: str
    text: str
    handler: str = ""
    """``module:function`` below ``pyovn.sandbox``."""

    def synopsis(self) -> str:
        """The command line."""
        return f"pyovn sandbox {self.name} {self.usage}".rstrip()

    def help(self) -> str:
        """All that there is to say."""
        return f"usage: {self.synopsis()}\n\n{self.text.strip()}\n"


VERBS: Final = (
    Verb(
        "status",
        "",
        0,
        0,
        "hypervisors, daemons, interfaces, what is cut and what is wrong",
        """\
Show every hypervisor with its daemons and interfaces, each with its logical port
and whether that is bound there and up; then the links that are cut, and what does
not fit together.
""",
        "verbs_hypervisors:status",
    ),
    Verb(
        "list",
        "",
        0,
        0,
        "hypervisors and interfaces, for scripts",
        """\
One line for each hypervisor, with its address, and one for each interface that
names a logical port.
""",
        "verbs_hypervisors:list_all",
    ),
    Verb(
        "add-hypervisor",
        "NAME",
        1,
        1,
        "a hypervisor more",
        """\
Add a hypervisor with a database, a switch and a controller; it becomes a chassis by
itself, and its command is in the PATH: hv3 ovs-vsctl show.

    pyovn sandbox add-hypervisor hv3
""",
        "verbs_hypervisors:add",
    ),
    Verb(
        "remove-hypervisor",
        "NAME",
        1,
        1,
        "shut one down in good order",
        """\
Remove a hypervisor and all that is plugged in there. Its controller releases its
ports and its chassis first; where that does not run, the chassis stays, as after a
crash: ovn-sbctl chassis-del NAME.

    pyovn sandbox remove-hypervisor hv3
""",
        "verbs_hypervisors:remove",
    ),
    Verb(
        "plug",
        "HYPERVISOR [INTERFACE] LOGICAL-PORT",
        2,
        3,
        "start a VM",
        """\
Add an interface to br-int that names a logical port (external_ids:iface-id);
without INTERFACE it gets the port's name. What is unusual about the port is said.

    pyovn sandbox plug hv1 vif1 vm1
    pyovn sandbox plug hv1 vm1
""",
        "verbs_hypervisors:plug",
    ),
    Verb(
        "unplug",
        "HYPERVISOR INTERFACE | LOGICAL-PORT",
        1,
        2,
        "stop a VM",
        """\
Remove an interface, by its name or by its logical port.

    pyovn sandbox unplug hv1 vif1
    pyovn sandbox unplug vm1
""",
        "verbs_hypervisors:unplug",
    ),
    Verb(
        "move",
        "LOGICAL-PORT HYPERVISOR [INTERFACE]",
        2,
        3,
        "move a running VM to another hypervisor",
        """\
A live migration: the port is plugged on the target and claimed there, then
unplugged where it was. The interface keeps its name unless another is given.

    pyovn sandbox move vm1 hv2
""",
        "verbs_hypervisors:move",
    ),
    Verb(
        "send",
        "LOGICAL-PORT DESTINATION [SOURCE] [--vlan=VID] | LOGICAL-PORT HEX | MICROFLOW",
        1,
        4,
        "send a packet, and see where it arrives",
        """\
Send one frame from a port and print where it arrives. It is given in one of three
ways:

  addresses    DESTINATION and SOURCE are Ethernet addresses, logical ports, or broadcast;
               SOURCE is the port's own unless it is given
  HEX          the whole frame in hexadecimal
  MICROFLOW    an expression as for ovn-trace, in one argument; it names the inport

Frames of a container's port get its tag and leave by its parent's interface; --vlan
adds a tag. VMs do not answer; for that there is ping.

    pyovn sandbox send vm1 vm2
    pyovn sandbox send vm1 broadcast
    pyovn sandbox send vm1 vm2 00:00:00:00:00:99
    pyovn sandbox send 'inport == "vm1" && eth.src == 00:00:00:00:00:01 && eth.dst == ff:ff:ff:ff:ff:ff'
""",
        "verbs_traffic:send",
    ),
    Verb(
        "ping",
        "LOGICAL-PORT LOGICAL-PORT|IP",
        2,
        2,
        "address resolution and an echo between two VMs",
        """\
Have one VM ask who has the other's address and send an echo request. All VMs answer
ARP, neighbour solicitations and echo requests for their addresses meanwhile; each
step is shown with where it arrived. The exit status is 1 when there is no answer.

    pyovn sandbox ping vm1 vm2
    pyovn sandbox ping vm1 10.0.0.2
""",
        "verbs_traffic:ping",
    ),
    Verb(
        "cut",
        "END END",
        2,
        2,
        "cut a link",
        """\
Cut the tunnel between two hypervisors, or a daemon's connection to a database; it
stays cut whatever dies and comes back. An end is a hypervisor, central, a daemon
(ovn-northd, hv1/ovn-controller, hv1/ovs-vswitchd) or a database (nb, sb, hv1/db).

    pyovn sandbox cut hv1 hv2
    pyovn sandbox cut hv1 central
    pyovn sandbox cut ovn-northd sb
""",
        "verbs_faults:cut",
    ),
    Verb(
        "mend",
        "END END",
        2,
        2,
        "mend a link that was cut",
        """\
Undo cut.

    pyovn sandbox mend hv1 hv2
""",
        "verbs_faults:mend",
    ),
    Verb(
        "kill",
        "[HYPERVISOR] DAEMON",
        1,
        2,
        "have a daemon die as by SIGKILL",
        """\
The daemon is gone at once: its connections break, and it says and writes nothing.
Without a hypervisor it is one of the central node: ovn-northd or ovsdb-server. A
hypervisor has ovn-controller, ovs-vswitchd and ovsdb-server.

    pyovn sandbox kill ovn-northd
    pyovn sandbox kill hv1 ovs-vswitchd
""",
        "verbs_faults:kill",
    ),
    Verb(
        "start",
        "[HYPERVISOR] DAEMON",
        1,
        2,
        "start a daemon that died",
        """\
Start a daemon anew, on what its database holds.

    pyovn sandbox start ovn-northd
    pyovn sandbox start hv1 ovs-vswitchd
""",
        "verbs_faults:start",
    ),
    Verb(
        "save",
        "FILE",
        1,
        1,
        "save the whole sandbox to a file",
        """\
Write all databases, the hypervisors, what is cut and what is dead to FILE, as of
one instant. Connection tracking and learned state of the switches are not saved.
FILE is replaced whole or not at all.

    pyovn sandbox save network.pyovn
""",
        "verbs_storage:save",
    ),
    Verb(
        "restore",
        "FILE",
        1,
        1,
        "go back to a sandbox that was saved",
        """\
Replace everything in this sandbox by what FILE holds. A new sandbox starts from it
with pyovn sandbox --restore=FILE, or make sandbox SANDBOXFLAGS=--restore=FILE.

    pyovn sandbox restore network.pyovn
""",
        "verbs_storage:restore",
    ),
    Verb(
        "tour",
        "",
        0,
        0,
        "the guided tour",
        """\
Run the guided tour in this sandbox; it needs its names for itself.
""",
    ),
)

BY_NAME: Final = {verb.name: verb for verb in VERBS}
NAMES: Final = f"the verbs are: {', '.join(BY_NAME)}"
FILE_VERBS: Final = frozenset({"save", "restore"})
"""Their argument is a path of whoever asks, not of the host."""


def overview() -> str:
    """All verbs, a line each."""
    width = max(map(len, BY_NAME))
    return "".join(f"  {verb.name:<{width}}  {verb.summary}\n" for verb in VERBS)
