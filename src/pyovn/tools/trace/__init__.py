"""ovn-trace: what would happen to a packet in the logical network (ovn-trace(8)).

``network`` is the southbound database as a packet sees it, ``microflow`` the packet, ``simulation`` its way
through the logical flows, ``port_security`` and ``report`` what their names say.
"""

from __future__ import annotations

import gc


def main() -> int:
    """The console script; it ends before collecting garbage would pay, so that is not done."""
    gc.disable()
    from pyovn.tools.trace.program import main as run

    return run()
