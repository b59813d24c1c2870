"""Asking a daemon on its control socket, without an event loop: one request, one answer.

Tools that ask a daemon run dozens of times in a row in scripts, so this module imports little: the
standard library's JSON instead of msgspec, which alone would take half of a tool's start-up time, and one
short message each way needs no speed.  The other side is ``unixctl``.
"""

from __future__ import annotations

import json
import os
import socket

from pyovn.daemon.pidfile import read_pidfile
from pyovn.sim.address import reason, unix_name

READ_SIZE = 1 << 16


class ControlError(Exception):
    """The daemon was reached and did not answer; the text is the reason."""


def find_socket(target: str, rundir: str) -> str:
    """The control socket of ``target``: a path, or a program's name, looked up by its pidfile.

    Raises ``PidfileError`` when the pidfile is missing or stale.
    """
    if target.startswith("/"):
        return target
    return f"{rundir}/{target}.{read_pidfile(f'{rundir}/{target}.pid')}.ctl"


def control_request(path: str, method: str, args: list[str]) -> tuple[bool, str]:
    """Send one command to the control socket at ``path``; returns (accepted, text).

    ``OSError`` says that nobody could be asked, ``ControlError`` that nobody answered.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        with unix_name(os.path.abspath(path)) as name:  # noqa: PTH100 - pathlib is slow to import
            connection.connect(name)
        try:
            connection.sendall(json.dumps({"id": 0, "method": method, "params": args}).encode())
            return _parse(_receive(connection))
        except OSError as error:
            raise ControlError(reason(error)) from error


def _receive(connection: socket.socket) -> object:
    """Read until the bytes are one JSON value."""
    received = b""
    while chunk := connection.recv(READ_SIZE):
        received += chunk
        # Only what ends in a brace can be the whole message, so most pieces cost no attempt.
        if received.rstrip().endswith(b"}"):
            try:
                value: object = json.loads(received)
            except ValueError:
                continue
            return value
    raise ControlError("End of file")


def _parse(reply: object) -> tuple[bool, str]:
    if isinstance(reply, dict):
        if isinstance(reply.get("error"), str):
            return False, reply["error"]
        if isinstance(reply.get("result"), str):
            return True, reply["result"]
    raise ControlError("malformed reply")
