"""Actions that tell the controller something with data of their own: ``log``, ``bind_vport``, ``dns_lookup``.

The data follows the code in the controller action's userdata (see ``actions_controller``):

* ``log``: a byte of verdict, a byte of syslog severity, and the name to the end;
* ``bind_vport``: the virtual port's tunnel key in 32 bits;
* ``dns_lookup``: where the answer goes, as the 32-bit header of a field and the first bit's number; the
  packet waits (``pause``) until the controller resumes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import (
    Action,
    EncodeContext,
    Reader,
    encode_with_arguments,
    join_needs,
    subfield,
)
from pyovn.logical.actions_controller import Code, userdata
from pyovn.logical.ast import PortName
from pyovn.logical.errors import ActionError
from pyovn.logical.lexer import STRING
from pyovn.ovn import registers
from pyovn.wire.openflow.actions import Controller, Subfield
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from pyovn.logical.ast import FieldRef
    from pyovn.wire.openflow.actions import Action as OpenFlowAction

VERDICTS: Final = {"allow": 0, "drop": 1, "reject": 2}
SEVERITIES: Final = {"alert": 1, "warning": 4, "notice": 5, "info": 6, "debug": 7}
"""Numbers of syslog (RFC 5424, section 6.2.1)."""

LOG_NAME_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Log(Action):
    """``log(name=, verdict=, severity=, meter=)``."""

    verdict: str
    severity: str = "info"
    name: str = ""
    meter: str = ""

    def __str__(self) -> str:
        name = f"name={PortName(self.name)}, " if self.name else ""
        meter = f", meter={PortName(self.meter)}" if self.meter else ""
        return f"log({name}verdict={self.verdict}, severity={self.severity}{meter});"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A controller action, limited by the meter of that name."""
        data = bytes((VERDICTS[self.verdict], SEVERITIES[self.severity])) + self.name.encode()
        meter = ctx.meters(self.meter) if self.meter else ctx.controller_meter
        out.append(Controller(userdata=userdata(Code.LOG, data), meter=meter))


def read_log(reader: Reader) -> Action:
    """After ``log``."""
    tokens = reader.tokens
    start = tokens.at
    tokens.expect("(")
    given: dict[str, str] = {}
    while not tokens.accept(")"):
        key = tokens.name("name, verdict, severity or meter")
        tokens.expect("=")
        choices = {"verdict": VERDICTS, "severity": SEVERITIES}.get(key)
        if choices is not None:
            if tokens.value not in choices:
                raise tokens.error(f"expecting {key}: {', '.join(choices)}")
        elif key not in ("name", "meter"):
            raise tokens.error("expecting name, verdict, severity or meter", tokens.at - 2)
        elif tokens.kind != STRING:
            raise tokens.error("expecting a quoted string")
        given[key] = str(tokens.take())
        if tokens.kind != ")":
            tokens.expect(",")
    if "verdict" not in given:
        raise tokens.error("log needs a verdict", start)
    if len(given.get("name", "")) > LOG_NAME_MAX:
        raise tokens.error(f"a name has at most {LOG_NAME_MAX} characters", start)
    return Log(**given)


@dataclass(frozen=True, slots=True)
class BindVport(Action):
    """``bind_vport(virtual, parent)``."""

    virtual: str
    parent: FieldRef

    @property
    def needs(self) -> str:
        """The parent field's."""
        return self.parent.symbol.prerequisites

    def __str__(self) -> str:
        return f"bind_vport({PortName(self.virtual)}, {self.parent});"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A controller action; nothing when the virtual port is not known here."""
        key = ctx.ports(self.virtual)
        if key is None:
            return
        data = userdata(Code.BIND_VPORT, key.to_bytes(4, "big"))
        send = Controller(userdata=data, meter=ctx.controller_meter)
        encode_with_arguments((self.parent,), (FIELDS[registers.LOG_INPORT],), [send], out)


def read_bind_vport(reader: Reader) -> Action:
    """After ``bind_vport``."""
    tokens = reader.tokens
    tokens.expect("(")
    if tokens.kind != STRING:
        raise tokens.error("expecting the quoted name of a virtual port")
    virtual = str(tokens.take())
    tokens.expect(",")
    parent = reader.typed_field("port")
    tokens.expect(")")
    return BindVport(virtual, parent)


def destination(target: Subfield) -> bytes:
    """Where a controller shall put its one-bit answer: field header and bit, as userdata carries them."""
    code = target.field.code
    if code.experimenter:
        raise ActionError(f"{target.field.name} has no 32-bit header")
    header = code.oxm_class << 16 | code.oxm_field << 9 | target.field.nbytes
    return header.to_bytes(4, "big") + target.ofs.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class DnsLookup(Action):
    """``result = dns_lookup()``."""

    result: FieldRef

    @property
    def needs(self) -> str:
        """DNS over UDP."""
        return join_needs("udp", self.result.symbol.prerequisites)

    def __str__(self) -> str:
        return f"{self.result} = dns_lookup();"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A controller action that waits for the answer."""
        data = userdata(Code.DNS_LOOKUP, destination(subfield(self.result)))
        out.append(Controller(userdata=data, pause=True, meter=ctx.controller_meter))


def read_dns_lookup(reader: Reader, name: str, result: FieldRef, start: int) -> Action:
    """After ``R = dns_lookup``."""
    reader.check_writable(result, start)
    if result.width != 1:
        raise reader.tokens.error(f"{name} gives one bit, and {result} has {result.width}", start)
    reader.tokens.expect("(")
    reader.tokens.expect(")")
    return DnsLookup(result)
