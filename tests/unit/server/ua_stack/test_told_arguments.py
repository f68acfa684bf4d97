"""What audit records tell of a connection that a client adds."""

# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from asyncua import ua

from server.address_space.asyncua_values import encode_variant
from server.ua_stack.told_arguments import without_secrets
from tests.unit.server.pubsub_model.site import connection


def test_where_data_go_is_told_and_passwords_are_not() -> None:
    pairs = [
        ua.KeyValuePair(Key=ua.QualifiedName(key), Value=ua.Variant(value))
        for key, value in (("password", "geheim1"), ("sas_token", "geheim2"), ("client_id", "line-7"))
    ]
    given = connection("cloud", ConnectionProperties=pairs)
    given.Value.Address.Url = "mqtts://ann:geheim3@elsewhere.example/x"
    told = encode_variant(without_secrets(given))
    for word in (b"cloud", b"mqtts://***@elsewhere.example/x", b"line-7", b"sas_token"):
        assert word in told
    assert b"geheim" not in told
    assert given.Value.Address.Url.startswith("mqtts://ann"), "the method has what was sent"
    plain = ua.Variant(1.5, ua.VariantType.Double)
    assert without_secrets(plain) is plain
    without = connection("cloud")
    assert encode_variant(without_secrets(without)) == encode_variant(without)
