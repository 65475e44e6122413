"""The certificates that connections trust: the system's, and those that the environment names."""

from __future__ import annotations

import os
import ssl
import stat
from functools import lru_cache
from pathlib import Path

import certifi
import truststore

from ..core.foreign_file import file_problem
from ..errors import InvalidRequestError
from .proxies import read_variable

__all__ = ["CERTIFICATE_VARIABLES", "find_certificates", "load_certificates"]

#: Variables of OpenSSL, requests and curl that name further certificates.
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def find_certificates() -> list[tuple[str, Path]]:
    """Return the files and folders with further certificates, each after its variable.

    SSL_CERT_DIR may name several folders; as in OpenSSL, those that do not exist are left out.
    """
    found = []
    for name in CERTIFICATE_VARIABLES:
        value = read_variable(name)
        values = value.split(os.pathsep) if name == "SSL_CERT_DIR" else [value]
        paths = [Path(part).expanduser() for part in values if part]
        existing = [path for path in paths if os.path.exists(path)]  # noqa: PTH110 never fails
        found += [(name, path) for path in existing or paths[:1]]
    return found


def load_certificates() -> ssl.SSLContext:
    """Return the context for TLS connections; loading takes time, and is done once.

    Raises:
        InvalidRequestError: If a file of the environment cannot be used. Nothing was sent.
    """
    return _load(*((name, path, _stat(name, path)) for name, path in find_certificates()))


def _stat(name: str, path: Path) -> int:
    """Return when a file was changed."""
    try:
        found = path.stat()
    except OSError as error:
        raise _reject(name, path, f"cannot be read ({file_problem(error)})") from None
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        # Reading a pipe would wait for ever.
        raise _reject(name, path, "is neither a file nor a folder")
    return found.st_mtime_ns


@lru_cache(maxsize=4)
def _load(*sources: tuple[str, Path, int]) -> ssl.SSLContext:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certifi.where())  # for systems without certificates
    for name, path, _ in sources:
        try:
            if path.is_dir():
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cafile=path)
        except ssl.SSLError:
            raise _reject(name, path, "contains no certificates in PEM format") from None
        except OSError as error:
            raise _reject(name, path, f"cannot be read ({file_problem(error)})") from None
    return context


def _reject(name: str, path: Path, reason: str) -> InvalidRequestError:
    home = os.path.expanduser("~")  # noqa: PTH111 no error without a home folder
    shown = str(path).replace(home, "~") if len(home) > 1 else str(path)
    return InvalidRequestError(
        f"{name}={shown!r} {reason}; allowed: a file with CA certificates in PEM format, or a "
        "folder of them. Nothing was sent.",
        next_step=f"Correct or unset {name}.",
    )
