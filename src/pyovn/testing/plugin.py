"""What pytest sees of pyovn: registered by the entry point ``pytest11`` wherever pyovn is installed.

Hence nothing but pytest is imported here until a test asks for ``ovn``.

pytest rewrites the assertions of every module of a distribution that has a plugin: it would compile all of
pyovn's hundreds of modules anew, for some ten seconds, to find hardly an assertion.  They are found the
ordinary way instead, ahead of pytest.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from pyovn.testing.network import Ovn

_MARKER = "ovn(hypervisors=2, seed=0): how the network of the fixture ovn begins"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini("ovn_hypervisors", "hypervisors of the fixture ovn (default: 2)", default="2")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and have pyovn's own modules imported as they are."""
    config.addinivalue_line("markers", _MARKER)
    finder = AsTheyAre()
    sys.meta_path.insert(0, finder)
    config.add_cleanup(lambda: sys.meta_path.remove(finder))


class AsTheyAre:
    """Finds the modules of pyovn, and no others, with their bytecode as it was installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As of ``importlib.abc.MetaPathFinder``."""
        return PathFinder.find_spec(name, path, target) if name.startswith("pyovn.") else None


@pytest.fixture
def ovn(request: pytest.FixtureRequest) -> Iterator[Ovn]:
    """An OVN network in virtual time: databases, northd, and hypervisors hv1, hv2 ..."""
    from pyovn.testing.network import Ovn

    count, seed = _wishes(request)

    def report(title: str, text: str) -> None:
        request.node.add_report_section("call", title, text)

    network = Ovn(count, seed=seed, report=report)
    yield network
    network.close()


def _wishes(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Hypervisors and seed, from the marker or the setting; what makes no sense is one line."""
    marker = request.node.get_closest_marker("ovn")
    given = dict(marker.kwargs) if marker is not None else {}
    unknown = sorted(given.keys() - {"hypervisors", "seed"})
    if unknown or (marker is not None and marker.args):
        pytest.fail(
            f"the marker ovn takes hypervisors=N and seed=N, not {unknown or marker.args}", pytrace=False
        )
    count = given.get("hypervisors", request.config.getini("ovn_hypervisors"))
    try:
        wishes = int(count), int(given.get("seed", 0))
    except (TypeError, ValueError):
        pytest.fail(f"ovn: {count!r} is no number of hypervisors", pytrace=False)
    if not 1 <= wishes[0] <= 1000:
        pytest.fail(f"ovn: 1 to 1000 hypervisors, not {wishes[0]}", pytrace=False)
    return wishes
