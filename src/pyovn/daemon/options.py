"""Command lines the way OVS programs read them: ``getopt_long``, as data.

A program lists its ``Option`` values, mostly by joining the shared groups below with its own, and gets
back what was given, in order: later options win in most programs, but ``-v`` adds up, so order is kept.

The grammar is getopt_long(3)'s:

- ``--name``, ``--name=VALUE``, ``--name VALUE`` (required arguments only), and any unambiguous
  abbreviation of a long name; an exact name is never ambiguous.
- ``-x``, ``-xVALUE``, ``-x VALUE`` (required only), and clusters ``-abc``.
- ``--`` ends the options.  Otherwise options and arguments may be mixed, unless ``in_order`` is asked
  for (getopt's "+"), where the first argument ends them: ``ovn-nbctl``'s commands have options too.

Errors are worded as users of the C programs know them; ``OptionError`` has the text after the program's
name.  The wordings differ between programs that leave it to getopt and the ones that, like ovn-nbctl,
say it themselves (``terse``), where an ambiguous abbreviation also counts as unknown.

Not here: what the options mean.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ArgumentKind = Literal["none", "required", "optional"]


class OptionError(ValueError):
    """A command line that does not follow the options; the text says where."""


class Option(NamedTuple):
    """One option: a long name, a short letter, or both."""

    name: str
    """Without dashes; a short-only option has its letter here too, and ``short_only``."""
    short: str = ""
    arg: ArgumentKind = "none"
    help: str = ""
    """Empty keeps the option out of ``--help``."""
    metavar: str = "ARG"
    short_only: bool = False


class Given(NamedTuple):
    """One option that was given: its full long name, and its value or None."""

    name: str
    value: str | None = None


class CommandLine:
    """What a command line says: options in order, then arguments."""

    __slots__ = ("arguments", "options")

    def __init__(self, options: tuple[Given, ...], arguments: tuple[str, ...]) -> None:
        self.options = options
        self.arguments = arguments

    def __contains__(self, name: object) -> bool:
        return any(given.name == name for given in self.options)

    def __iter__(self) -> Iterator[Given]:
        return iter(self.options)

    def value(self, name: str, default: str | None = None) -> str | None:
        """The value of the last ``--name``; ``default`` when it was not given or has no value."""
        found = default
        for given in self.options:
            if given.name == name:
                found = given.value if given.value is not None else default
        return found

    def values(self, name: str) -> list[str]:
        """The values of every ``--name`` in order, without those that have none."""
        return [given.value for given in self.options if given.name == name and given.value is not None]


COMMON: Final = (
    Option("help", "h", help="display this help message"),
    Option("version", "V", help="display version information"),
)

VLOG: Final = (
    Option(
        "verbose", "v", "optional", help="set logging levels (default: maximum verbosity)", metavar="SPEC"
    ),
    Option("log-file", "", "optional", help="enable logging to FILE", metavar="FILE"),
    Option(
        "syslog-method", "", "required", help="how to send messages to the syslog daemon", metavar="METHOD"
    ),
    Option("syslog-target", "", "required", help="also send syslog messages by UDP", metavar="HOST:PORT"),
)

DAEMON: Final = (
    Option("detach", help="run in background as daemon"),
    Option("no-chdir", help="do not chdir to '/'"),
    Option("pidfile", "", "optional", help="create pidfile", metavar="FILE"),
    Option("overwrite-pidfile", help="with --pidfile, start even if already running"),
    Option("monitor", help="creates a process to monitor this daemon"),
    Option("no-self-confinement"),
    Option("user", "", "required", help="changes the effective daemon user:group", metavar="USER[:GROUP]"),
)

UNIXCTL: Final = Option(
    "unixctl", "", "required", help="override default control socket name", metavar="SOCKET"
)

TLS: Final = (
    Option("bootstrap-ca-cert", "", "required", help="peer CA certificate to read or create", metavar="FILE"),
    Option("peer-ca-cert", "", "required", help="CA certificate to send to peers", metavar="FILE"),
    Option("private-key", "p", "required", help="file with private key", metavar="FILE"),
    Option("certificate", "c", "required", help="certificate for private key", metavar="FILE"),
    Option("ca-cert", "C", "required", help="file with peer CA certificate", metavar="FILE"),
    Option("ssl-protocols", "", "required", help="list of SSL protocols to enable", metavar="PROTOS"),
    Option("ssl-ciphers", "", "required", help="list of SSL ciphers to enable", metavar="CIPHERS"),
)


def parse(
    argv: Sequence[str], options: Sequence[Option], *, in_order: bool = False, terse: bool = False
) -> CommandLine:
    """Read ``argv`` (without the program's name); raises ``OptionError``."""
    return _Reader(argv, options, in_order=in_order, terse=terse).read()


def parse_or_exit(
    program: str,
    argv: Sequence[str],
    options: Sequence[Option],
    *,
    in_order: bool = False,
    terse: bool = False,
) -> CommandLine:
    """Read ``argv``; on an error print it under the program's name and exit with 1."""
    try:
        return parse(argv, options, in_order=in_order, terse=terse)
    except OptionError as error:
        fatal(program, str(error))


def fatal(program: str, text: str, status: int = 1) -> NoReturn:
    """End the program with ``PROGRAM: TEXT`` on standard error."""
    sys.stderr.write(f"{program}: {text}\n")
    sys.stderr.flush()
    raise SystemExit(status)


def format_options(title: str, options: Sequence[Option]) -> str:
    """One group of ``--help``: the title and a line for each option that has a help text."""
    lines = [f"{title}:\n"]
    for option in options:
        if option.help:
            words = _usage(option)
            gap = "  " if len(words) > 22 else " " * (24 - len(words))
            lines.append(f"  {words}{gap}{option.help}\n")
    return "".join(lines)


def _usage(option: Option) -> str:
    value = {
        "none": "",
        "required": f"={option.metavar}",
        "optional": f"[={option.metavar}]",
    }[option.arg]
    if option.short_only:
        return f"-{option.short}{value.replace('=', ' ')}"
    return (f"-{option.short}, " if option.short else "") + f"--{option.name}{value}"


class _Reader:
    """One pass over a command line."""

    def __init__(
        self, argv: Sequence[str], options: Sequence[Option], *, in_order: bool, terse: bool
    ) -> None:
        self.argv = argv
        self.longs = {option.name: option for option in options if not option.short_only}
        self.shorts = {option.short: option for option in options if option.short}
        self.in_order = in_order
        self.terse = terse
        self.position = 0
        self.given: list[Given] = []

    def read(self) -> CommandLine:
        arguments: list[str] = []
        argv = self.argv
        while self.position < len(argv):
            word = argv[self.position]
            self.position += 1
            if word == "--":
                arguments += argv[self.position :]
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._cluster(word)
            elif self.in_order:
                arguments += argv[self.position - 1 :]
                break
            else:
                arguments.append(word)
        return CommandLine(tuple(self.given), tuple(arguments))

    def _long(self, word: str) -> None:
        name, equals, attached = word[2:].partition("=")
        option = self.longs.get(name) or self._abbreviated(name)
        if option.arg == "none" and equals:
            shown = word if self.terse else f"--{option.name}"
            raise OptionError(f"option '{shown}' doesn't allow an argument")
        value = attached if equals else None
        if option.arg == "required" and not equals:
            value = self._next(f"--{name}" if self.terse else f"--{option.name}")
        self.given.append(Given(option.name, value))

    def _abbreviated(self, name: str) -> Option:
        found = [option for long, option in self.longs.items() if long.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found and not self.terse:
            names = " ".join(f"'--{option.name}'" for option in found)
            raise OptionError(f"option '--{name}' is ambiguous; possibilities: {names}")
        raise OptionError(f"unrecognized option '--{name}'")

    def _cluster(self, word: str) -> None:
        for index in range(1, len(word)):
            letter, rest = word[index], word[index + 1 :]
            option = self.shorts.get(letter)
            if option is None:
                wording = f"unrecognized option '{letter}'" if self.terse else f"invalid option -- '{letter}'"
                raise OptionError(wording)
            if option.arg == "none":
                self.given.append(Given(option.name))
                continue
            value: str | None = rest or None
            if option.arg == "required" and not rest:
                value = self._next_short(letter, word)
            self.given.append(Given(option.name, value))
            return

    def _next(self, shown: str) -> str:
        if self.position == len(self.argv):
            raise OptionError(f"option '{shown}' requires an argument")
        self.position += 1
        return self.argv[self.position - 1]

    def _next_short(self, letter: str, word: str) -> str:
        if self.position == len(self.argv) and not self.terse:
            raise OptionError(f"option requires an argument -- '{letter}'")
        return self._next(word)
