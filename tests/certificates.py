"""Certificates for tests, made by the ``openssl`` program in a directory of the test."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from pyovn.sim.tlsfiles import TlsFiles

if TYPE_CHECKING:
    from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """A certificate authority, and the identities that it has signed."""

    def __init__(self, directory: Path, name: str) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self.directory = directory
        self.certificate = str(directory / f"{name}.pem")
        self._key = str(directory / f"{name}.key")
        self._openssl("req", "-x509", *_KEY, "-keyout", self._key, "-out", self.certificate,
                      "-days", "30", "-subj", f"/CN={name}")  # fmt: skip

    def files(self, name: str, **changes: Any) -> TlsFiles:
        """The key files of ``name``, which is the common name; made when they are first asked for."""
        key, certificate = str(self.directory / f"{name}-key.pem"), self.directory / f"{name}-cert.pem"
        if not certificate.exists():
            request = str(self.directory / f"{name}.csr")
            self._openssl("req", *_KEY, "-keyout", key, "-out", request, "-subj", f"/O=test/CN={name}")
            self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                          "-CAcreateserial", "-days", "30", "-out", str(certificate))  # fmt: skip
        return TlsFiles(key, str(certificate), self.certificate)._replace(**changes)

    def options(self, name: str) -> tuple[str, ...]:
        """The same as options of a program."""
        files = self.files(name)
        return "-p", files.private_key, "-c", files.certificate, "-C", files.ca_cert

    @staticmethod
    def _openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True)
