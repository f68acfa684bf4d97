"""The script of the subscriptions' semantics (tests/foreign/subscription_script.md), run by node-opcua and gopcua."""

from __future__ import annotations

import re
from collections.abc import Generator

import pytest

from tests.conftest import ROOT
from tests.foreign.relay import Relay, go_relay, node_relay
from tests.foreign.steps import STEPS
from tests.foreign.steps.stage import Stage
from tests.foreign.steps.step import Step
from tests.modbus_device import ModbusDevice
from tests.system.running_gateway import RunningGateway

SCRIPT = ROOT / "tests/foreign/subscription_script.md"
BODY = """\
model: {{nodesets: ["{model}"]}}
devices:
  sim:
    driver: simulator
    scan: 20ms
    bindings:
      - {{node: ramp, address: "ramp(period=100s,amplitude=100)"}}
      - {{node: counter, address: counter}}
  plc:
    driver: modbus
    url: {url}
    scan: 20ms
    timeout: 30s
    bindings: [{{node: Register, address: "holding:0/uint16"}}]
analytics:
  watch: {{operator: robust-zscore, input: /Objects/Line/Plain, window: 21, minimum_samples: 5, threshold: 8}}
"""


@pytest.fixture(scope="module")
def device() -> Generator[ModbusDevice]:
    with ModbusDevice() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(device: ModbusDevice, tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningGateway]:
    model = ROOT / "tests/foreign/subscriptions.NodeSet2.xml"
    folder = tmp_path_factory.mktemp("gateway")
    with RunningGateway(folder, BODY.format(model=model, url=device.url)) as running:
        yield running


@pytest.fixture(scope="module", params=[node_relay, go_relay], ids=["node-opcua", "gopcua"])
def relay(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Relay]:
    with request.param(tmp_path_factory.mktemp("relay")) as running:
        yield running


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_step(step: Step, relay: Relay, gateway: RunningGateway, device: ModbusDevice) -> None:
    with relay.session(gateway.url) as session:
        try:
            step.run(Stage(relay, gateway.url, session, device))
        finally:
            device.behave()


def test_the_script_tells_every_step_in_order() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(str(number), step.name) for number, step in enumerate(STEPS, 1)]
