"""ovn-sbctl: what northd and the chassis have made of the network (ovn-sbctl(8)).

``flows`` prints logical flows, ``chassis`` handles chassis and port bindings by hand; ``program`` puts
them together.
"""

from __future__ import annotations

import gc


def main() -> int:
    """The console script; it ends before collecting garbage would pay, so that is not done."""
    gc.disable()
    from pyovn.tools.ctl.program import main as run
    from pyovn.tools.sbctl.program import PROGRAM

    return run(PROGRAM)
