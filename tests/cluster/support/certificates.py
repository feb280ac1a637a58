"""Keys and certificates, by openssl: it is wherever the system's certificates are kept."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from integration.support.surroundings import tool

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")


@dataclass(frozen=True)
class Pair:
    """Files with a certificate and its key, PEM."""

    certificate: Path
    key: Path


def make_authority(directory: Path, name: str) -> Pair:
    """A CA with its files in a directory."""
    pair = Pair(directory / f"{name}.crt", directory / f"{name}.key")
    _request(pair, name, ["-addext", "keyUsage=critical,keyCertSign,cRLSign"])
    return pair


def make_certificate(directory: Path, authority: Pair, names: Iterable[str]) -> Pair:
    """A server's certificate for these DNS names; the first is its subject as well."""
    first, *more = names
    pair = Pair(directory / f"{first}.crt", directory / f"{first}.key")
    extensions = [
        f"subjectAltName={','.join(f'DNS:{name}' for name in (first, *more))}",
        "basicConstraints=critical,CA:FALSE",
        "extendedKeyUsage=serverAuth",
    ]
    by = ["-CA", str(authority.certificate), "-CAkey", str(authority.key)]
    # A common name has 64 characters at most; clients read the names beside it anyway.
    added = [word for extension in extensions for word in ("-addext", extension)]
    _request(pair, first[:64], [*by, *added])
    return pair


def make_key(file: Path) -> Path:
    """A private key, for signing tokens."""
    _openssl("genrsa", "-out", str(file), "2048")
    return file


def _request(pair: Pair, subject: str, words: list[str]) -> None:
    files = ["-keyout", str(pair.key), "-out", str(pair.certificate)]
    _openssl("req", "-x509", "-days", "2", "-subj", f"/CN={subject}", *NEW_KEY, *files, *words)


def _openssl(*words: str) -> None:
    done = subprocess.run(
        [tool("openssl"), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
