"""What a program says about itself: ``--help``, ``--version``, ``--commands``, ``--options``.

The help is made from the verbs' table, so it cannot lack one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn import __version__
from pyovn.daemon import options as opt
from pyovn.tools.ctl import program as ctl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.tools.ctl.grammar import Verb
    from pyovn.tools.ctl.naming import RecordId


def print_about(program: ctl.Program, what: str) -> None:
    """Print what one of the options that ask about the program itself is for."""
    if what == "version":
        print(f"{program.name} (pyovn) {__version__}")
    elif what == "commands":
        for verb in (*ctl.GENERAL_VERBS, *program.verbs):
            options = "".join(f"[{option}] " for option, _ in _kinds(verb))
            print(f"{options},{verb.name},{completion(verb.syntax)}")
    elif what == "options":
        print("\n".join(dict.fromkeys(_option_lines(program))))
    else:
        _print_help(program)


def completion(syntax: str) -> str:
    """Arguments as the C programs list them for shells: ``!MUST ?MAY *ANY +SOME``, ``?`` in a word."""
    words: list[str] = []
    depth = 0
    for token in syntax.split():
        body = token if _PREFIX.match(token) else token.lstrip("[")
        depth += len(token) - len(body)
        many = body.endswith("...")
        body = body.removesuffix("...")
        closed = body.count("]") - body.count("[")
        mark = "?" if depth else "!"
        if many:
            mark = "*" if closed else "+"
        depth -= closed
        words.append(mark + _INNER.sub(r"?\1", body[: len(body) - closed]))
    return " ".join(words)


def _option_lines(program: ctl.Program) -> Iterator[str]:
    known = (
        *ctl.CTL_OPTIONS,
        *ctl.TABLE_OPTIONS,
        *program.options,
        *opt.DAEMON,
        opt.UNIXCTL,
        *opt.VLOG,
        *opt.TLS,
    )
    for option in (*known, *opt.COMMON):
        has_value = option.arg != "none"
        if not option.short_only:
            yield f"--{option.name}{'=ARG' if has_value else ''}"
        short = option.name if option.short_only else option.short
        if short:
            yield f"-{short}{' ARG' if has_value else ''}"
    for verb in (*ctl.GENERAL_VERBS, *program.verbs):
        for name, kind in verb.option_kinds().items():
            yield f"{name}{'=ARG' if kind else ''}"


_INNER: Final = re.compile(r"\[([^\[\]]*)\]")
"""What may be left out within a word: ``COLUMN[:KEY]``."""
_PREFIX: Final = re.compile(r"\[[^\[\]]*\][^.\]]")
"""A word that begins with what may be left out: ``[KEY=]VALUE``."""


def _optional(verb: Verb) -> str:
    return " ".join(f"[{option}{'ARG' if kind else ''}]" for option, kind in _kinds(verb))


def _kinds(verb: Verb) -> list[tuple[str, str]]:
    return [(name + kind.replace("?", "="), kind) for name, kind in verb.option_kinds().items()]


def _print_help(program: ctl.Program) -> None:
    print(f"{program.name}: {program.title}\nusage: {program.name} [OPTIONS] COMMAND [ARG...]\n")
    for title, verbs in (
        (f"{program.database} commands", program.verbs),
        ("Database commands", ctl.GENERAL_VERBS),
    ):
        print(f"{title}:")
        for verb in verbs:
            print("  " + " ".join(filter(None, (_optional(verb), verb.name, verb.syntax))))
        print()
    print("Database commands may reference a row in each table in the following ways:")
    for table in sorted(program.ids):
        print(f"  {table}:\n    by UUID")
        for by in program.ids[table]:
            print(f"    {_way(by)}")
    default = program.default_remote({})
    print(f"\nThe default DATABASE is {default}\n")
    print(opt.format_options("Options", (*ctl.CTL_OPTIONS, *program.options)))
    print(opt.format_options("Output formatting options", ctl.TABLE_OPTIONS))
    print(opt.format_options("Logging options", opt.VLOG))
    print(opt.format_options("PKI configuration (required to use SSL)", opt.TLS))
    print(opt.format_options("Other options", opt.COMMON), end="")


def _way(by: RecordId) -> str:
    if by.column is None:
        return 'as "."'
    name = by.column + (f":{by.key}" if by.key else "")
    return f'via "{by.via}" of {by.table} with matching "{name}"' if by.via else f'by "{name}"'
