"""ovn-nbctl: what the cloud wants, as commands on the OVN_Northbound database (ovn-nbctl(8)).

``program`` puts the verb families together: ``database`` (init, show, connections), ``switches``,
``ports``, and ``names2015``, the names of the very first ovn-nbctl.
"""

from __future__ import annotations

import gc


def main() -> int:
    """The console script; it ends before collecting garbage would pay, so that is not done."""
    gc.disable()
    from pyovn.tools.ctl.program import main as run
    from pyovn.tools.nbctl.program import PROGRAM

    return run(PROGRAM)
