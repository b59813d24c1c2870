"""Functions that are imported when they are called: a program knows all of its verbs and loads a few.

A table of verbs names functions of a module with ``family``::

    acl = family("pyovn.tools.nbctl.acl")
    Verb("acl-list", 1, 1, acl("run_list"), acl("need_acls"), syntax="SWITCH")

A misspelt name is found by the test that resolves every entry (``LateFunction.resolve``).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class LateFunction:
    """A module's function, not looked up yet."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def resolve(self) -> Callable[..., None]:
        """The function itself; imports its module."""
        function: Callable[..., None] = getattr(import_module(self.module), self.name)
        return function

    def __call__(self, *arguments: Any) -> None:
        """Import the function if need be, and call it."""
        self.resolve()(*arguments)


def family(module: str) -> Callable[[str], LateFunction]:
    """What names functions of ``module``."""
    return lambda name: LateFunction(module, name)
