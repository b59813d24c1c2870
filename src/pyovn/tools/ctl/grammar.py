"""A line of commands: ``[GLOBAL OPTIONS] [--] [OPTIONS] COMMAND [ARGS] [-- [OPTIONS] COMMAND [ARGS]]...``

A program is a table of ``Verb`` entries.  Everything that can be said about a line without the
database is said here, before any connection: unknown commands and options, argument counts.
A verb then has up to three parts: ``need`` asks for tables and columns, ``run`` works on the model (and runs
again when a commit has to be retried, so it keeps no state but its ``Command``), ``after`` sees
the UUIDs that the server gave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.tools.ctl.errors import CtlError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row

MANY: Final = 1 << 30


class Verb(NamedTuple):
    """One command of a program.

    ``options`` lists what may stand before the command's name, blank-separated: ``--flag``,
    ``--required=`` with a value, ``--optional?`` with a value or without.
    """

    name: str
    low: int
    high: int
    run: Callable[[Context, Command], None]
    need: Callable[[Needs, Command], None] | None = None
    after: Callable[[Context, Command], None] | None = None
    options: str = ""
    syntax: str = ""

    def option_kinds(self) -> dict[str, str]:
        """Option names with dashes, and what follows each: "", "=" or "?"."""
        kinds = {}
        for word in self.options.split():
            mark = word[-1] if word[-1] in "=?" else ""
            kinds[word.removesuffix(mark) if mark else word] = mark
        return kinds


class Command:
    """A verb with its options and arguments, and what it has printed so far."""

    __slots__ = ("arguments", "is_table", "options", "output", "row", "verb")

    def __init__(self, verb: Verb, arguments: tuple[str, ...], options: dict[str, str | None]) -> None:
        self.verb = verb
        self.arguments = arguments
        self.options = options
        self.output: list[str] = []
        self.is_table = False
        """Whether the output is a formatted table, which ``--oneline`` leaves alone."""
        self.row: Row | None = None
        """The row that ``create`` made, for ``after``."""

    @property
    def name(self) -> str:
        """The verb's name."""
        return self.verb.name

    def argument(self, index: int) -> str | None:
        """An optional argument."""
        return self.arguments[index] if index < len(self.arguments) else None

    def given(self, option: str) -> bool:
        """Whether a flag was given."""
        return option in self.options

    def write(self, line: str) -> None:
        """Print a line."""
        self.output.append(line + "\n")

    def reset(self) -> None:
        """Forget the output of an attempt that was not committed."""
        self.output.clear()
        self.is_table = False
        self.row = None


def parse_line(
    verbs: Mapping[str, Verb], words: Sequence[str], local: Mapping[str, str | None]
) -> list[Command]:
    """All commands of a line; ``local`` are options of the first one that stood among the global ones."""
    commands: list[Command] = []
    start = 0
    for index in range(len(words) + 1):
        if index < len(words) and words[index] != "--":
            continue
        if index > start or (commands == [] and index == len(words)):
            commands.append(_parse_command(verbs, words[start:index], {} if commands else local))
        start = index + 1
    return commands


def _parse_command(
    verbs: Mapping[str, Verb], words: Sequence[str], local: Mapping[str, str | None]
) -> Command:
    options = dict(local)
    position = 0
    for word in words:
        if not word.startswith("-"):
            break
        name, equals, value = word.partition("=")
        if name in options:
            raise CtlError(f"'{name}' option specified multiple times")
        options[name] = value if equals else None
        position += 1
    if position == len(words):
        raise CtlError("missing command name (use --help for help)")
    verb = verbs.get(words[position])
    if verb is None:
        raise CtlError(f"unknown command '{words[position]}'; use --help for help")
    _check_options(verb, options)
    arguments = tuple(words[position + 1 :])
    if len(arguments) < verb.low:
        raise CtlError(f"'{verb.name}' command requires at least {verb.low} arguments")
    if len(arguments) > verb.high:
        hint = (
            ' (note that options must precede command names and follow a "--" argument)'
            if any(word.startswith("-") for word in arguments)
            else ""
        )
        raise CtlError(f"'{verb.name}' command takes at most {verb.high} arguments{hint}")
    return Command(verb, arguments, options)


def _check_options(verb: Verb, options: Mapping[str, str | None]) -> None:
    kinds = verb.option_kinds()
    for name, value in options.items():
        kind = kinds.get(name)
        if kind is None:
            raise CtlError(f"'{verb.name}' command has no '{name}' option")
        if kind == "" and value is not None:
            raise CtlError(f"'{name}' option on '{verb.name}' does not accept an argument")
        if kind == "=" and value is None:
            raise CtlError(f"missing argument to '{name}' option on '{verb.name}' command")
