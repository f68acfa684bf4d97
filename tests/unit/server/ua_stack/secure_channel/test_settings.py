"""The configuration of connections."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from server.ua_stack.secure_channel.settings import ChannelSettings


def test_one_address_never_gets_more_than_there_are() -> None:
    limits = ChannelSettings(connections=20).limits()
    assert (limits.connections, limits.per_address) == (20, 20)
    limits = ChannelSettings(connections_per_address=3).limits()
    assert (limits.connections, limits.per_address) == (500, 3)


@pytest.mark.parametrize("given", [{"connections": 0}, {"connections_per_address": 0}, {"connections": 1_000_000}])
def test_limits_that_let_nobody_in_or_everybody_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        ChannelSettings(**given)
