"""The plugin in a project of somebody else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

EXAMPLE = """
def test_x(ovn):
    ovn.nbctl("ls-add sw0")
    for n in (1, 2):
        ovn.nbctl(f"lsp-add sw0 vm{n} -- lsp-set-addresses vm{n} '02:00:00:00:00:0{n} 10.0.0.{n}'")
    %s
    assert ovn.ping("vm1", "vm2")
"""


def test_a_project_needs_nothing_but_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(EXAMPLE % "")
    pytester.runpytest_inprocess("--strict-markers").assert_outcomes(passed=1)


def test_a_failed_ping_explains_itself(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(EXAMPLE % 'ovn.ping("vm1", "vm2"); ovn.cut("hv1", "hv2")')
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*assert vm1 (10.0.0.1) -> vm2 (10.0.0.2): no answer: what vm1 sent last arrived at no VM*",
        "*Captured ovn call*",
        "*vm1 sent echo request 10.0.0.1 -> 10.0.0.2: arrived at no VM",
        "not delivered to vm2: the link between hv1 (192.168.0.1) and hv2 (192.168.0.2) is cut",
    ])  # fmt: skip


def test_the_setting_and_the_marker(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\novn_hypervisors = 3\n")
    pytester.makepyfile(
        """
        import pytest

        def test_setting(ovn):
            assert list(ovn.deployment.hypervisors) == ["hv1", "hv2", "hv3"]

        @pytest.mark.ovn(hypervisors=1)
        def test_marker(ovn):
            assert list(ovn.deployment.hypervisors) == ["hv1"]

        @pytest.mark.ovn(hypervisors=0)
        def test_none(ovn):
            pass

        @pytest.mark.ovn(hypervisor=2)
        def test_misspelt(ovn):
            pass
        """
    )
    result = pytester.runpytest_inprocess("--strict-markers")
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines([
        "ovn: 1 to 1000 hypervisors, not 0",
        "the marker ovn takes hypervisors=N and seed=N, not [[]'hypervisor']",
    ])  # fmt: skip


def test_modules_of_pyovn_are_not_compiled_anew(pytester: pytest.Pytester) -> None:
    """As where pyovn is not installed in place: pytest knows of all files that come with its plugin."""
    installed = pytester.mkdir("site") / "whole-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: whole\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[pytest11]\npyovn = pyovn.testing.plugin\n")
    (installed / "RECORD").write_text("pyovn/__init__.py,,\n")
    pytester.makepyfile(
        """
        import sys

        def test_x(ovn):
            modules = {n: m for n, m in sys.modules.items() if n.startswith("pyovn.")}
            loaders = {name: type(module.__loader__).__name__ for name, module in modules.items()}
            assert loaders.pop("pyovn.testing") and loaders.pop("pyovn.testing.plugin")
            assert len(loaders) > 100 and set(loaders.values()) == {"SourceFileLoader"}

        def test_other_plugins_and_tests_are_pytests_own():
            assert type(sys.modules[__name__].__loader__).__name__ == "AssertionRewritingHook"
        """
    )
    pytester.syspathinsert(installed.parent)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_projects_that_do_not_use_it_do_not_pay() -> None:
    """The plugin is imported at every start of pytest; it brings nothing along."""
    code = (
        "import pytest, sys; before = set(sys.modules); import pyovn.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["pyovn", "pyovn.testing", "pyovn.testing.plugin"]
