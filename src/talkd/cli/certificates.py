"""The check of certificate and key."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from talkd.cli.doctor import FAIL, OK, WARN, Finding
from talkd.config import ServerConfig

SOON = timedelta(days=14)


def examine_tls(server: ServerConfig) -> Iterator[Finding]:
    """Whether certificate and key can be read, belong together, are valid now and for the public address."""
    if not server.tls_certificate and not server.tls_key:
        yield Finding(OK, "TLS", "off: a reverse proxy should do it")
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
    """Raises OSError, which says what to do, when a server cannot speak HTTPS with these files."""
    pair = read_pair(server) if server.tls_certificate else None
    if isinstance(pair, Finding):
        raise OSError(f"TLS: {pair.found}; {pair.advice}")


def read_pair(server: ServerConfig) -> x509.Certificate | Finding:
    """The certificate, if its key is there and belongs to it; otherwise what is wrong."""
    try:
        certificate = x509.load_pem_x509_certificate(Path(server.tls_certificate).read_bytes())
        key = load_pem_private_key(Path(server.tls_key).read_bytes(), None)
    except OSError as error:
        advice = "check server.tls_certificate and server.tls_key, and let talkd's user read both"
        return Finding(FAIL, "TLS", f"cannot read {error.filename}: {error.strerror}", advice)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        advice = "give a PEM chain and an unencrypted PEM key"
        return Finding(FAIL, "TLS", f"no PEM certificate or key: {error}", advice)
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        return Finding(FAIL, "TLS", "the key does not belong to the certificate", "give the files of one issue")
    return certificate


def _validity(certificate: x509.Certificate) -> Iterator[Finding]:
    now, end = datetime.now(UTC), certificate.not_valid_after_utc
    if end < now:
        yield Finding(FAIL, "TLS", f"the certificate has expired on {end:%Y-%m-%d}", "renew it and restart talkd")
    elif certificate.not_valid_before_utc > now:
        yield Finding(FAIL, "TLS", "the certificate is not valid yet", "check the clock, or use the one before")
    elif end < now + SOON:
        yield Finding(WARN, "TLS", f"the certificate ends on {end:%Y-%m-%d}", "renew it and restart talkd")
    else:
        yield Finding(OK, "TLS", f"the certificate is valid until {end:%Y-%m-%d}")


def is_for(certificate: x509.Certificate, host: str) -> bool:
    """Whether one of the certificate's names is that host; a `*` stands for one label."""
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
