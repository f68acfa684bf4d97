"""Requests made wrong at random: whatever passes is decoded by asyncua, in no time and in little memory."""

from __future__ import annotations

import resource
import time
from collections import Counter
from random import Random

import pytest

from server.address_space.decoding import DecodingError
from server.ua_stack.decode_budget.requests import check_request
from server.ua_stack.request_header import read_header
from tests.unit.server.ua_stack.decode_budget.messages import SERVICES, Maker, decode, parameters_at
from tests.unit.server.ua_stack.decode_budget.mutations import mutated

MESSAGES = 150
TIMES = 10
SECONDS = 0.5
"""That one message may take; a busy machine's."""
KILOBYTES = 32 * 1024


@pytest.mark.parametrize("part", range(10))
def test_what_passes_is_decoded(part: int) -> None:
    outcomes = Counter[str]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(part * MESSAGES, (part + 1) * MESSAGES):
        random = Random(seed)
        service = random.choice(sorted(SERVICES))
        sound = Maker(seed).message(service)
        check_request(SERVICES[service], sound, parameters_at(sound))
        for _ in range(TIMES):
            message = mutated(random, sound)
            begun = time.process_time()
            try:
                header = read_header(message)
                check_request(header.kind, message, header.at)
            except DecodingError as refused:
                outcomes[type(refused).__name__] += 1
            else:
                decode(message)
                outcomes["decoded"] += 1
            assert time.process_time() - begun < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KILOBYTES
    assert outcomes["DecodingError"] > MESSAGES, "it has something to refuse"
    assert outcomes["decoded"] > MESSAGES // 2, "and does not refuse everything"
