"""Values and types in words, as ovsdb-server puts them into its messages.

Strings stand bare where they look like an identifier, else in quotes; sets are in brackets, maps in
braces.  Only for people: nothing parses this.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.schema import UNLIMITED, ColumnType
from pyovn.ovsdb.values import UUID, FrozenMap

if TYPE_CHECKING:
    from pyovn.ovsdb.values import Atom, Value

_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def real_text(value: float) -> str:
    """A number with up to 15 digits and no trailing zeros."""
    return format(value, ".15g")


def atom_text(atom: Atom) -> str:
    """One atom."""
    if isinstance(atom, UUID):
        return str(atom)
    if isinstance(atom, str):
        if _BARE.fullmatch(atom) and atom not in {"true", "false"} and not UUID.is_valid(atom):
            return atom
        return json.dumps(atom, ensure_ascii=False)
    if isinstance(atom, bool):
        return "true" if atom else "false"
    return real_text(atom) if isinstance(atom, float) else str(atom)


def value_text(value: Value) -> str:
    """A value of any shape."""
    if value is None:
        return "[]"
    if isinstance(value, frozenset):
        return f"[{', '.join(map(atom_text, sorted(value)))}]"
    if isinstance(value, FrozenMap):
        return "{" + ", ".join(f"{atom_text(k)}={atom_text(value[k])}" for k in sorted(value)) + "}"
    return atom_text(value)


def type_text(kind: ColumnType) -> str:
    """A column type: ``integer``, ``set of 1 to 3 integers``, ``map of (string, string) pairs``."""
    if kind.is_scalar:
        return kind.key.type
    if kind.max == UNLIMITED:
        count = f"{kind.min} or more " if kind.min else ""
    else:
        count = f"{kind.min} to {kind.max} " if kind.min else f"up to {kind.max} "
    if kind.value is not None:
        return f"map of {count}({kind.key.type}, {kind.value.type}) pairs"
    return f"set of {count}{kind.key.type}s"


def listing(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b, and c``."""
    if len(words) <= 2:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"
