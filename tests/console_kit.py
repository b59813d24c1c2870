"""Runs the console blocks of a page in a sandbox and compares what they print with what the page shows.

A command is a line that begins with the sandbox's prompt; a backslash at its end continues it.  What
follows, to the next command or the end of the block, is what it prints.  ``...`` in it stands for anything
within a line, and alone on a line for any lines.  Blocks of other languages and lines before the first
prompt are not run.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROMPT = "[pyovn] ~$ "
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a page and what the page says that it prints."""

    line: int
    command: str
    output: str

    @property
    def pattern(self) -> str:
        """``output`` as a regular expression of the whole output."""
        parts = []
        for line in self.output.splitlines():
            if line.strip() == "...":
                parts.append(r"(?:.*\n)*?")
            else:
                parts.append(r".*".join(re.escape(piece) for piece in line.rstrip().split("...")) + r" *\n")
        return "".join(parts)


def shown(page: Path) -> list[Shown]:
    """The commands of a page, in order."""
    text = page.read_text()
    found = []
    for block in _BLOCK.finditer(text):
        number = text[: block.start(1)].count("\n")
        lines = block[1].splitlines()
        place = 0
        while place < len(lines):
            start = place
            if not lines[place].startswith(PROMPT):
                place += 1
                continue
            command = [lines[place].removeprefix(PROMPT)]
            while command[-1].endswith("\\"):
                place += 1
                command.append(lines[place])
            place += 1
            output = []
            while place < len(lines) and not lines[place].startswith(PROMPT):
                output.append(lines[place] + "\n")
                place += 1
            found.append(Shown(number + start + 1, "\n".join(command), "".join(output)))
    return found


def check(page: Path, environ: Mapping[str, str]) -> int:
    """Run all commands of a page; how many there were.  The first that differs fails."""
    commands = shown(page)
    for item in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", item.command],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        place = f"{page.name}:{item.line}: {item.command}"
        differs = f"{place}\nprints\n{done.stdout}\nand the page says\n{item.output}"
        assert re.fullmatch(item.pattern, done.stdout), differs
    return len(commands)
