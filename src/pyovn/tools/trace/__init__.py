"""ovn-trace: what would happen to a packet in the logical network (ovn-trace(8)), found by ``explain``."""

from __future__ import annotations

import gc


def main() -> int:
    """The console script; it ends before collecting garbage would pay, so that is not done."""
    gc.disable()
    from pyovn.tools.trace.program import main as run

    return run()
