"""TLS contexts from key files that may change, and what a peer's certificate says.

Both sides of every connection present a certificate and verify the other's against the CA, as in Open
vSwitch (ovsdb-server(1), "Public Key Infrastructure Options"); a host's name is not compared with the
certificate's.  Files are looked at before each connection and read again when they have changed, so keys
are renewed without a restart; connections that exist keep what they began with.

Bootstrapping: without a CA file the first connection verifies nothing; ``bootstrap`` then takes the CA's
certificate from the end of the peer's chain and writes the file.  The connection is of no other use.
Only who connects can learn so: a server that verifies nothing is shown no certificate by its clients.

Not here: streams (``tlsstream``), and who is asked to connect (``secured``).
"""

from __future__ import annotations

import os
import ssl
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyovn.sim.tlsfiles import NO_CA, TlsFiles

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_CIPHERS: Final = "HIGH:!aNULL:!MD5"
VERSIONS: Final = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
"""The words of --ssl-protocols.  Without that option it is TLSv1.2 and TLSv1.3."""


class TlsError(Exception):
    """Keys that cannot be used; the text says which and why."""


class TlsKeys:
    """The keys of one program.  ``files`` may be replaced at any time."""

    def __init__(self, files: TlsFiles | None = None) -> None:
        self.files = files or TlsFiles()
        self._known: dict[bool, tuple[object, ssl.SSLContext]] = {}

    @property
    def bootstrapping(self) -> bool:
        """Whether the next peer is to tell its CA."""
        return self.files.bootstrap and not os.path.exists(self.files.ca_cert)  # noqa: PTH110  # a string

    def context(self, *, server: bool) -> ssl.SSLContext:
        """A context for one side of new connections; raises ``TlsError``."""
        lacking = self.files.lacking()
        if lacking is not None:
            raise TlsError(lacking)
        state = self._state()
        known = self._known.get(server)
        if known is None or known[0] != state:
            known = self._known[server] = state, self._make(server=server)
        return known[1]

    def _state(self) -> object:
        """What a context depends on: the options, and the files as they are now."""
        files = self.files
        names = (files.private_key, files.certificate, files.ca_cert, files.peer_ca_cert)
        return files, tuple([_stamp(name) for name in names])

    def _make(self, *, server: bool) -> ssl.SSLContext:
        files = self.files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.options |= ssl.OP_NO_RENEGOTIATION
        _set_versions(context, files.protocols)
        try:
            context.set_ciphers(files.ciphers or DEFAULT_CIPHERS)
        except ssl.SSLError as error:
            raise TlsError(f"SSL_CTX_set_cipher_list: {_words(error)}") from error
        self._load_identity(context)
        if files.ca_cert == NO_CA or self.bootstrapping:
            context.verify_mode = ssl.CERT_NONE
        else:
            context.verify_mode = ssl.CERT_REQUIRED
            _load(context.load_verify_locations, files.ca_cert)
        return context

    def _load_identity(self, context: ssl.SSLContext) -> None:
        files = self.files
        chain = files.certificate
        if not files.peer_ca_cert:
            _load(context.load_cert_chain, chain, files.private_key)
            return
        # The library takes a chain from one file only.  None of it is secret.
        with tempfile.NamedTemporaryFile(suffix=".pem") as joined:
            for name in (files.certificate, files.peer_ca_cert):
                joined.write(_read(name) + b"\n")
            joined.flush()
            _load(context.load_cert_chain, joined.name, files.private_key)

    def bootstrap(self, connection: ssl.SSLObject | ssl.SSLSocket) -> str:
        """Write the CA file from what the peer has sent; a sentence for the log.  Raises ``TlsError``."""
        chain = _chain(connection)
        if not chain:
            raise TlsError("could not bootstrap CA cert: no certificate presented by peer")
        last = chain[-1]
        info = last.get_info()
        if info["subject"] != info["issuer"]:
            raise TlsError(
                "could not bootstrap CA cert: no self-signed certificate presented by peer "
                "(probably the peer was not configured with --peer-ca-cert)"
            )
        name = self.files.ca_cert
        try:
            with Path(name).open("x", encoding="ascii") as file:
                file.write(last.public_bytes())
        except FileExistsError:
            return f"reading CA cert {name} created by another process"
        except OSError as error:
            raise TlsError(
                f"could not bootstrap CA cert: creating {name} failed: {error.strerror}"
            ) from error
        return f"successfully bootstrapped CA cert to {name}"


def common_name(certificate: Any) -> str | None:
    """The subject's common name in ``getpeercert()``; None when nothing was verified."""
    for part in (certificate or {}).get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    return None


def describe(error: ssl.SSLError | OSError) -> str:
    """What OpenSSL says, without file names and line numbers of the library."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed ({error.verify_message})"
    return _words(error)


def _words(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else error.strerror or str(error)


def _set_versions(context: ssl.SSLContext, protocols: str) -> None:
    words = protocols.replace(",", " ").split()
    unknown = [word for word in words if word not in VERSIONS]
    if unknown:
        raise TlsError(f"{unknown[0]}: SSL protocol not recognized")
    chosen = [VERSIONS[word] for word in words] or [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
    with warnings.catch_warnings():
        # Old versions are deprecated; who asks for them by name has been told elsewhere.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = max(chosen)
        context.minimum_version = min(chosen)


def _stamp(name: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(name)  # noqa: PTH116  # a string
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise TlsError(f"{name}: {error.strerror}") from error


def _load(load: Callable[..., None], *names: str) -> None:
    try:
        load(*names)
    except ssl.SSLError as error:
        raise TlsError(f"{' and '.join(names)}: {_words(error)}") from error
    except OSError as error:
        missing = [name for name in names if not os.path.exists(name)]  # noqa: PTH110  # strings
        raise TlsError(f"{(missing or names)[0]}: {error.strerror}") from error


def _chain(connection: ssl.SSLObject | ssl.SSLSocket) -> list[Any]:
    """The certificates that the peer has sent, its own first."""
    # Public from Python 3.13 on, where it yields bytes; before, only the inner object has it.
    inner = getattr(connection, "_sslobj", None)
    return list(inner.get_unverified_chain() or ()) if inner is not None else []
