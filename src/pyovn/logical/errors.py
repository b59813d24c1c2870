"""Errors of the logical-flow language: where in the text, what was found, what was expected."""

from __future__ import annotations


class LflowError(ValueError):
    """The text of a match or of actions cannot be used.

    ``position`` is an offset in characters from the start of ``text``; ``len(text)`` is its end.
    ``text`` is None where no place is to blame.
    """

    def __init__(self, message: str, text: str | None = None, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position

    def __str__(self) -> str:
        if self.text is None:
            return self.message
        found = self.text[self.position : self.position + 20]
        where = f'at "{found}"' if found else "at the end"
        return f"{self.message} (character {self.position + 1}, {where})"


class ExprError(LflowError):
    """A match expression is malformed, or compares what cannot be compared."""


class ActionError(LflowError):
    """Actions are malformed, not allowed where they stand, or not served."""


class NotServedError(ActionError):
    """The actions are documented, and missing here: nobody can say that they are wrong."""
