# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates for the lab: an authority of its own and what it signs, made by openssl."""

import pathlib
import ssl
import subprocess
from dataclasses import dataclass


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")


@dataclass
class Identity:
    """A certificate with its key, and the authority that its owner trusts (paths of PEM files)."""

    certificate: str
    key: str
    authority: str

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self):
        """Checks who signed the server's certificate. Not its name: agents dial addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.authority)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """Keys and certificates in `directory`, readable for everybody: these are secrets of a test."""

    def __init__(self, directory, name="lab"):
        self.directory, self.name = pathlib.Path(directory), name
        self.certificate, self._key = self._path("ca.pem"), self._path("ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-days", 2, "-subj", f"/CN={name} authority", "-keyout", self._key,
                 "-out", self.certificate, "-addext", "keyUsage=critical,keyCertSign",
                 "-addext", "basicConstraints=critical,CA:TRUE")

    def _path(self, name):
        return str(self.directory / f"{self.name}-{name}")

    def issue(self, owner, names=(), addresses=(), days=2):
        """A certificate for these DNS names and IP addresses (subjectAltName, RFC 5922 7)."""
        request, key, certificate, extension = (self._path(f"{owner}.{kind}")
                                                for kind in ("csr", "key", "pem", "ext"))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-subj", f"/CN={owner}", "-keyout", key, "-out", request)
        alternatives = [f"DNS:{name}" for name in names] + [f"IP:{one}" for one in addresses]
        pathlib.Path(extension).write_text(
            "extendedKeyUsage=serverAuth,clientAuth\n"
            + (f"subjectAltName={','.join(alternatives)}\n" if alternatives else ""), "ascii")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                 "-CAcreateserial", "-days", days, "-extfile", extension, "-out", certificate)
        pathlib.Path(key).chmod(0o644)
        return Identity(certificate, key, self.certificate)
