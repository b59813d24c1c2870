"""The TLS options of a command line as ``TlsFiles`` (ovs-appctl(8) and every daemon's page, "PKI").

Relative names are resolved at once, since a daemon leaves the directory in which it was started.  A value
``db:DATABASE,TABLE,COLUMN`` is ovsdb-server's own (ovsdb-server(1)) and stays as it is.
"""

# ruff: noqa: PTH118 - tools import this and start in under 60 ms, so without pathlib

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pyovn.sim.tlsfiles import NO_CA, TlsFiles

if TYPE_CHECKING:
    from pyovn.daemon.options import CommandLine

IN_DATABASE: Final = "db:"


def tls_files(line: CommandLine, directory: str = "") -> TlsFiles:
    """What the options say; of --ca-cert and --bootstrap-ca-cert the later one counts."""

    def path(name: str | None) -> str:
        if not name or name == NO_CA or name.startswith(IN_DATABASE):
            return name or ""
        return os.path.join(directory, name)

    ca_cert, bootstrap = "", False
    for given in line:
        if given.name in {"ca-cert", "bootstrap-ca-cert"}:
            ca_cert, bootstrap = path(given.value), given.name != "ca-cert"
    return TlsFiles(
        private_key=path(line.value("private-key")),
        certificate=path(line.value("certificate")),
        ca_cert=ca_cert,
        bootstrap=bootstrap,
        peer_ca_cert=path(line.value("peer-ca-cert")),
        protocols=line.value("ssl-protocols") or "",
        ciphers=line.value("ssl-ciphers") or "",
    )
