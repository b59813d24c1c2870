"""``pyovn sandbox VERB ...``: the command line of the verbs that act within a sandbox.

It knows the table (``sandbox.verbs``), checks what can be checked here, and has the sandbox's own process do
the rest, over its control socket.  A microflow becomes a frame here: expressions are read above the sandbox.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from pyovn.sandbox.verbs import BY_NAME, FILE_VERBS, NAMES, overview

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HELP = frozenset({"-h", "--help"})
_NAME = re.compile("[A-Za-z0-9_:-]+")
"""What has none of a microflow's marks: a port's name or an address."""


def run(arguments: Sequence[str], control: Callable[[str, str, Sequence[str]], int]) -> int | None:
    """Carry out a verb; None when the arguments are those of ``pyovn sandbox`` itself."""
    word = arguments[0] if arguments else ""
    verb = BY_NAME.get(word)
    inside = "PYOVN_SANDBOX" in os.environ
    if verb is None:
        if word in _HELP or word == "help":
            return _help(arguments[1:])
        if word and not word.startswith("-"):
            return _fail(f'there is no verb "{word}"; {NAMES}', 2)
        return _fail(f"this is the shell of a sandbox; {NAMES}", 2) if inside else None
    rest = list(arguments[1:])
    if _HELP & set(rest):
        print(verb.help(), end="")
        return 0
    if not inside:
        return _fail("this is not the shell of a sandbox; start one with: pyovn sandbox")
    if not verb.least <= len(rest) <= verb.most:
        return _fail(f"usage: {verb.synopsis()}", 2)
    if word == "tour":
        from pyovn.sandbox.tour import run_tour

        return run_tour(os.environ)
    if word in FILE_VERBS:
        rest[0] = os.path.abspath(rest[0])  # noqa: PTH100 - tools start fast
    elif word == "send" and len(rest) == 1:
        if _NAME.fullmatch(rest[0]):
            return _fail(f"{rest[0]} is no microflow, and nothing to send; usage: {verb.synopsis()}", 2)
        from pyovn.tools.microframe import frame_of_microflow

        try:
            port, frame = frame_of_microflow(rest[0])
        except ValueError as error:
            return _fail(str(error), 2)
        rest = [port, frame.hex()]
    status = control("sandbox", word, rest)
    return 1 if word == "ping" and status == 2 else status


def _help(words: Sequence[str]) -> int | None:
    """The help of one verb, or what there is."""
    if words and words[0] in BY_NAME:
        print(BY_NAME[words[0]].help(), end="")
        return 0
    if "PYOVN_SANDBOX" not in os.environ:
        return None
    print("usage: pyovn sandbox VERB ...    (pyovn sandbox VERB --help tells more)\n\n" + overview(), end="")
    return 0


def _fail(text: str, status: int = 1) -> int:
    print(f"pyovn: {text}", file=sys.stderr)
    return status
