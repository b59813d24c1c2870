"""ovs-vsctl: bridges, ports and interfaces of one switch, as commands on its database (ovs-vsctl(8)).

``layout`` reads bridges, ports and interfaces out of the tables; ``bridges`` and ``ports`` are the verbs on
them, ``attach``, ``datapaths`` and ``reset`` the others; ``program`` waits until the switch has followed.
"""

from __future__ import annotations

import gc


def main() -> int:
    """The console script; it ends before collecting garbage would pay, so that is not done."""
    gc.disable()
    from pyovn.tools.ctl.program import main as run
    from pyovn.tools.vsctl.program import PROGRAM

    return run(PROGRAM)
