"""Every verb of ovn-nbctl beside Debian's: lists of command lines, good and bad, each in one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ctl_twin import Twin
from nbctl_routers import ROUTERS, TRANSLATION
from nbctl_rules import RULES_AND_GROUPS
from nbctl_services import CORNERS, SERVICES

from pyovn.tools.ctl.late import LateFunction
from pyovn.tools.nbctl.program import PROGRAM
from pyovn.tools.nbctl.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCHEMA = "/usr/share/ovn/ovn-nb.ovsschema"


LISTS = {
    "rules and groups": RULES_AND_GROUPS,
    "routers": ROUTERS,
    "translation": TRANSLATION,
    "services": SERVICES,
    "corners": CORNERS,
}
"""
What is left out, and why: ``lsp-set-port-security`` without arguments crashes Debian's program; ``--bfd`` on
a second route by the same hop and port fails there, because it does not fetch the port of sessions (the
manual page says that the session is looked up, and ours finds it); of two rows that a name could mean,
C takes any; so it does with the order of a port's gateway chassis in ``show``.
"""


@pytest.fixture
def twin(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Twin]:
    twin = Twin(tmp_path, peer, PROGRAM, SCHEMA)
    yield twin
    twin.stop()


@pytest.mark.peers
@pytest.mark.parametrize("name", LISTS)
def test_same_lines_same_effect(twin: Twin, name: str) -> None:
    twin.compare_all(LISTS[name])


def test_the_lists_have_every_verb() -> None:
    words = {word for lines in LISTS.values() for word in lines.split()}
    missing = {verb.name for verb in VERBS} - words - {"init"}
    # The commands of 2015 are unknown to Debian's program; ports and switches have a test of their own.
    assert {name for name in missing if not name.startswith(("lsp-", "lswitch-", "lport-", "ls-"))} == set()


def test_every_entry_names_functions_that_exist() -> None:
    for verb in VERBS:
        for function in (verb.run, verb.need):
            if isinstance(function, LateFunction):
                assert callable(function.resolve())
