"""What the codec raises, with the OpenFlow error that a switch answers (OpenFlow 1.5.1, section 7.5.4)."""

from __future__ import annotations

from typing import Final


class CodecError(ValueError):
    """Bytes that are no valid OpenFlow, or a value that OpenFlow cannot carry.

    ``error_type`` and ``code`` are those of the OFPT_ERROR message to answer with.
    """

    def __init__(self, error_type: int, code: int, text: str) -> None:
        """Keep the numbers beside the text."""
        super().__init__(text)
        self.error_type = error_type
        self.code = code


BAD_VERSION: Final = (1, 0)
BAD_TYPE: Final = (1, 1)
BAD_MULTIPART: Final = (1, 2)
BAD_EXPERIMENTER: Final = (1, 3)
BAD_EXP_TYPE: Final = (1, 4)
BAD_REQUEST_LEN: Final = (1, 6)
BAD_ACTION_TYPE: Final = (2, 0)
BAD_ACTION_LEN: Final = (2, 1)
BAD_ACTION_EXPERIMENTER: Final = (2, 2)
BAD_ACTION_EXP_TYPE: Final = (2, 3)
BAD_OUT_PORT: Final = (2, 4)
BAD_ARGUMENT: Final = (2, 5)
BAD_SET_TYPE: Final = (2, 13)
BAD_SET_LEN: Final = (2, 14)
BAD_SET_ARGUMENT: Final = (2, 15)
UNKNOWN_INSTRUCTION: Final = (3, 0)
BAD_INSTRUCTION_LEN: Final = (3, 7)
BAD_MATCH: Final = (4, 0)
BAD_LEN: Final = (4, 1)
BAD_FIELD: Final = (4, 6)
BAD_VALUE: Final = (4, 7)
BAD_MASK: Final = (4, 8)
BAD_PREREQ: Final = (4, 9)
DUP_FIELD: Final = (4, 10)
BAD_WILDCARDS: Final = (4, 5)
