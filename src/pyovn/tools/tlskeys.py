"""The TLS options of a tool, read when a server asks for them and not before: start-up time is felt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.daemon.options import CommandLine
    from pyovn.sim.tlsfiles import TlsFiles


def tls_of(line: CommandLine) -> Callable[[], TlsFiles]:
    """A function that says which key files the command line names, for ``BlockingClient``."""

    def files() -> TlsFiles:
        from pyovn.daemon.tlsoptions import tls_files

        return tls_files(line)

    return files
