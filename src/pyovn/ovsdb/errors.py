"""What a transaction can be refused for: RFC 7047 <error>, section 3.1, with ovsdb-server(7)'s members.

An error has a short tag that programs compare, details for people, and sometimes the JSON text that
was at fault.  Tags are those of RFC 7047 section 5.2 and of ovsdb-server(7), section 3.1.
"""

from __future__ import annotations

import json
from typing import Any, Final

from pyovn.ovsdb.schema import ConstraintError

_ABSENT: Final = object()
_compact: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def compact(value: Any) -> str:
    """JSON text with sorted members and no spaces, as it stands in ``syntax``."""
    if type(value) is int:  # what most requests have for an id
        return str(value)
    return _compact(value)


class OvsdbError(ValueError):
    """Becomes the <error> object of a reply."""

    def __init__(self, tag: str, details: str, syntax: Any = _ABSENT) -> None:
        super().__init__(details)
        self.tag = tag
        self.details = details
        self.syntax = syntax

    def forget_where(self) -> OvsdbError:
        """Let go of the calls in which it was raised: who keeps it as a value would keep the request, too."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self

    def to_json(self) -> dict[str, Any]:
        """The <error> object."""
        error = {"error": self.tag, "details": self.details}
        if self.syntax is not _ABSENT:
            error["syntax"] = compact(self.syntax)
        return error


class ConstraintViolationError(OvsdbError, ConstraintError):
    """A well-formed value that its column does not allow."""

    def __init__(self, details: str, syntax: Any = _ABSENT) -> None:
        super().__init__("constraint violation", details, syntax)


def syntax_error(details: str, syntax: Any = _ABSENT) -> OvsdbError:
    """JSON of the wrong form."""
    return OvsdbError("syntax error", details, syntax)


def integrity_error(details: str) -> OvsdbError:
    """A strong reference without its row."""
    return OvsdbError("referential integrity violation", details)
