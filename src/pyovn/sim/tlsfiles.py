"""Which files make a TLS identity: what ``-p``, ``-c``, ``-C`` and their relatives say, and nothing more.

Kept apart from ``tls`` because every tool has these options and few have a use for them: this module
imports no TLS library.
"""

from __future__ import annotations

from typing import NamedTuple

NO_CA = "none"
"""As ``ca_cert``: peers' certificates are not verified (ovsdb-server(1), ``--ca-cert=none``)."""


class TlsFiles(NamedTuple):
    """The options of ovsdb-server(1), "Public Key Infrastructure Options"; empty where not given."""

    private_key: str = ""
    certificate: str = ""
    ca_cert: str = ""
    bootstrap: bool = False
    """``ca_cert`` was named by --bootstrap-ca-cert: if it does not exist, the first peer provides it."""
    peer_ca_cert: str = ""
    """More certificates to send to peers."""
    protocols: str = ""
    ciphers: str = ""

    def lacking(self) -> str | None:
        """What is missing for a connection, in the words of Open vSwitch's log; None when nothing is."""
        for given, name in (
            (self.private_key, "Private key"),
            (self.certificate, "Certificate"),
            (self.ca_cert, "CA certificate"),
        ):
            if not given:
                return f"{name} must be configured to use SSL"
        return None
