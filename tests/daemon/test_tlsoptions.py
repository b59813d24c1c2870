from __future__ import annotations

from pyovn.daemon import options
from pyovn.daemon.tlsoptions import tls_files
from pyovn.sim.tlsfiles import TlsFiles


def test_names_are_resolved_and_databases_are_left_alone() -> None:
    words = ["-p", "k.pem", "-c", "/c.pem", "--ca-cert=db:D,SSL,ca_cert", "--ssl-protocols=TLSv1.2"]
    line = options.parse(words, options.TLS)
    expected = TlsFiles("/d/k.pem", "/c.pem", "db:D,SSL,ca_cert", protocols="TLSv1.2")
    assert tls_files(line, "/d") == expected


def test_the_last_word_on_the_ca_counts() -> None:
    line = options.parse(["-C", "none", "--bootstrap-ca-cert=x"], options.TLS)
    assert tls_files(line, "/d") == TlsFiles(ca_cert="/d/x", bootstrap=True)
    line = options.parse(["--bootstrap-ca-cert=x", "-C", "none"], options.TLS)
    assert tls_files(line, "/d") == TlsFiles(ca_cert="none")
