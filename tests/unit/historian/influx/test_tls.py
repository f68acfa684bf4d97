"""TLS to the server: trusted by the file that is named, a client certificate, renewed without a restart (fault 25)."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.errors import StoreUnavailable
from historian.influx.settings import InfluxSettings
from historian.influx.store import InfluxStore
from tests.influx_proxy import InfluxProxy
from tests.influxdb import InfluxServer


def certificate(file: Path) -> str:
    """Make a certificate that is its own authority, its key before it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, file.stem)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(secret + built.public_bytes(serialization.Encoding.PEM))
    return str(file)


async def test_fault_25_tls_is_mended_without_a_restart_and_never_left_out(
    server: InfluxServer, tmp_path: Path
) -> None:
    theirs, ours = certificate(tmp_path / "server.pem"), certificate(tmp_path / "gateway.pem")
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes((tmp_path / "gateway.pem").read_bytes())  # the wrong one
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(theirs)
    context.load_verify_locations(ours)
    context.verify_mode = ssl.CERT_REQUIRED
    async with InfluxProxy(server).listening(context) as proxy:
        made = InfluxSettings(url=proxy.url, database="tls", create=True, ca_file=str(trusted))
        settings = made.model_copy(update={"certificate_file": ours, "key_file": ours})
        store = InfluxStore(settings)
        with pytest.raises(StoreUnavailable, match=r"its certificate is not trusted.*ca_file"):
            await store.open()
        trusted.write_bytes((tmp_path / "server.pem").read_bytes())
        await store.open()
        await store.close()
        seen = len(proxy.requests)
        with pytest.raises(StoreUnavailable):
            await InfluxStore(made).open()  # without a certificate of its own
        assert len(proxy.requests) == seen
        with pytest.raises(StoreUnavailable, match=r"InfluxDB at https://.*ca_file .*gone\.pem: .*No such file"):
            await InfluxStore(settings.model_copy(update={"ca_file": str(tmp_path / "gone.pem")})).open()
