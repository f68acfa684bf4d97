from __future__ import annotations

import logging

import pytest

from core.settings import Secret
from core.settings.references import Resolved
from server.pubsub.cloud.shared_access import SharedAccess, SharedAccessSettings, token

KEY = "YSB0aHJvdy1hd2F5IGtleSBvZiB0aGlydHktdHdvIGJ5"


def test_a_token_is_what_openssl_signs() -> None:
    # printf 'plant.azure-devices.net%2Fdevices%2Fline-1\n1800000000' | openssl dgst -sha256 -mac HMAC -macopt hexkey:…
    assert token("plant.azure-devices.net/devices/line-1", Secret(KEY), 1_800_000_000).reveal() == (
        "SharedAccessSignature sr=plant.azure-devices.net%2Fdevices%2Fline-1"
        "&sig=w18pJlhbhmkoFywnbaDbmY8yuo8Z0q1BGHFEkfpqXy8%3D&se=1800000000"
    )


async def test_each_connection_has_a_token_of_its_own_and_ends_before_it(caplog: pytest.LogCaptureFixture) -> None:
    clock = [1_000.0]
    settings = SharedAccessSettings(key=Secret(KEY), lifetime="1h")  # pyright: ignore[reportArgumentType] - as it is written
    access = SharedAccess("hub", "line-1", "hub/line-1", settings, lambda: clock[0])
    with caplog.at_level(logging.DEBUG):
        first = await access.credentials()
        clock[0] += 600
        second = await access.credentials()
    assert first.password is not None
    assert second.password is not None
    assert first.password.reveal().endswith("se=4600")
    assert second.password.reveal().endswith("se=5200")
    assert (first.username, first.valid_for) == ("hub/line-1", 3_600.0)
    assert "Signature" not in repr(first) + caplog.text


@pytest.mark.parametrize("lifetime", ["1min", "366d"])
def test_a_token_neither_ends_at_once_nor_never(lifetime: str) -> None:
    with pytest.raises(ValueError, match="5min to 365d"):
        SharedAccessSettings.model_validate({"key": Resolved(KEY, "${env:K}"), "lifetime": lifetime})
