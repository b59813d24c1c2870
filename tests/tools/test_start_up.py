"""Scripts call tools dozens of times in a row, so what a tool imports is felt.

Time on a shared machine tells little; what is loaded tells all.  ``make acceptance`` measures, too: a tool
starts in at most eight times the CPU time of the bare interpreter (Debian's Python 3.11: 9 ms).
"""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

HEAVY = ("asyncio", "msgspec", "dataclasses", "inspect", "uvloop", "argparse", "subprocess", "pathlib")

DAEMONS = {
    "pyovn.northd.program": ("pathlib", "subprocess", "dataclasses"),
    "pyovn.controller.program": (),
    "pyovn.dbserver.main": (),
    "pyovn.vswitch.main": (),
}
"""What a daemon does without, besides what none of them loads before it has a use for it."""

PROGRAM = """
import sys
sys.argv = {argv!r}
from {module} import main
try:
    main()
except SystemExit:
    pass
print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""

TOOLS = (
    ("pyovn.tools.nbctl", ["ovn-nbctl", "--db=unix:/nowhere", "--timeout=1", "--no-wait", "ls-list"]),
    ("pyovn.tools.nbctl", ["ovn-nbctl", "-u", "/nowhere", "lr-list"]),
    ("pyovn.tools.sbctl", ["ovn-sbctl", "--db=unix:/nowhere", "--timeout=1", "--no-wait", "show"]),
    ("pyovn.tools.vsctl", ["ovs-vsctl", "--db=unix:/nowhere", "--timeout=1", "--no-wait", "show"]),
    ("pyovn.tools.appctl", ["ovs-appctl", "-t", "/nowhere", "version"]),
)


@pytest.mark.parametrize(("module", "argv"), TOOLS, ids=[" ".join(argv[::3]) for _, argv in TOOLS])
def test_nothing_heavy_is_loaded(module: str, argv: list[str]) -> None:
    code = PROGRAM.format(argv=argv, module=module, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "", done.stderr


@pytest.mark.parametrize(("module", "more"), DAEMONS.items())
def test_daemons_load_nothing_heavy(module: str, more: tuple[str, ...]) -> None:
    heavy = ("asyncio", "uvloop", "ssl", "traceback", "argparse", *more)
    code = f"import sys, {module}; print(*(name for name in {heavy!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.acceptance
@pytest.mark.parametrize(("module", "argv"), TOOLS, ids=[" ".join(argv[::3]) for _, argv in TOOLS])
def test_start_up_time(module: str, argv: list[str]) -> None:
    def once(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    code = PROGRAM.format(argv=argv, module=module, heavy=())
    pairs = [(once(code), once("pass")) for _ in range(20)]
    assert min(tool for tool, _ in pairs) < 8 * min(bare for _, bare in pairs)


def test_verbs_are_loaded_when_a_line_has_them() -> None:
    code = (
        "import sys; from pyovn.tools.nbctl.program import PROGRAM; "
        "print(*(m for m in sys.modules if m.startswith('pyovn.tools.nbctl.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == ["pyovn.tools.nbctl.program", "pyovn.tools.nbctl.verbs"]
