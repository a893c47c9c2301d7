"""Checks of the TLS certificate and its key."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.config_groups import ServerConfig

SOON = timedelta(days=14)
"""A certificate that ends within this time gets a warning."""


def examine_tls(server: ServerConfig) -> Iterator[Finding]:
    """Check that certificate and key can be read, belong together, are valid now, and fit the public address."""
    if not server.tls_certificate and not server.tls_key:
        yield Finding(OK, "TLS", "off: a reverse proxy should provide it")
        return
    pair = read_pair(server)
    if isinstance(pair, Finding):
        yield pair
        return
    yield from _validity(pair)
    host = urlsplit(server.public_url).hostname
    if host and not is_for(pair, host):
        yield Finding(FAIL, "TLS", f"the certificate is not for {host}", "get one for the host of server.public_url")


def require_usable(server: ServerConfig) -> None:
    """Raises OSError if the server cannot use the certificate and key. The message says what to do."""
    pair = read_pair(server)
    if isinstance(pair, Finding):
        raise OSError(f"TLS: {pair.found}; {pair.advice}")


def read_pair(server: ServerConfig) -> x509.Certificate | Finding:
    """Return the certificate, or a finding if it or its key cannot be used."""
    try:
        certificate = x509.load_pem_x509_certificate(Path(server.tls_certificate).read_bytes())
        key = load_pem_private_key(Path(server.tls_key).read_bytes(), None)
    except OSError as error:
        advice = "check server.tls_certificate and server.tls_key, and let talkd's user read both"
        return Finding(FAIL, "TLS", f"cannot read {error.filename}: {error.strerror}", advice)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        advice = "use a PEM chain and an unencrypted PEM key"
        return Finding(FAIL, "TLS", f"not a PEM certificate or key: {error}", advice)
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        return Finding(FAIL, "TLS", "the key does not belong to the certificate", "use its own key")
    return certificate


def _validity(certificate: x509.Certificate) -> Iterator[Finding]:
    now, end = datetime.now(UTC), certificate.not_valid_after_utc
    if end < now:
        yield Finding(FAIL, "TLS", f"the certificate expired on {end:%Y-%m-%d}", "renew it and restart talkd")
    elif certificate.not_valid_before_utc > now:
        yield Finding(
            FAIL, "TLS", "the certificate is not valid yet", "check the system clock, or use the previous one"
        )
    elif end < now + SOON:
        yield Finding(WARN, "TLS", f"the certificate expires on {end:%Y-%m-%d}", "renew it and restart talkd")
    else:
        yield Finding(OK, "TLS", f"the certificate is valid until {end:%Y-%m-%d}")


def is_for(certificate: x509.Certificate, host: str) -> bool:
    """Return True if the certificate is for the host. A `*` in its names matches one label."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    wanted = host.lower()
    parent = "*." + wanted.partition(".")[2]
    return wanted in addresses or any(
        name.lower() in (wanted, parent) for name in names.get_values_for_type(x509.DNSName)
    )
