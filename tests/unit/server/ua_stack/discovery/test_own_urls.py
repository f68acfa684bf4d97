"""Which hosts are ours, what is echoed and what is not (threat 11)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.ua_stack.discovery.own_urls import MachineNames, OwnUrls
from tests.waiting import until

MACHINE = MachineNames(("gw-1", "gw-1.plant.example", "localhost"), ("127.0.0.1", "10.0.0.7", "fd00::7"))
EVERYWHERE = "opc.tcp://0.0.0.0:4840"


async def made(url: str, *more: str, machine: MachineNames = MACHINE) -> OwnUrls:
    urls = OwnUrls(url, more, lambda: machine)
    await urls.start()
    await urls.stop()
    return urls


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("opc.tcp://gw-1:4840", "opc.tcp://gw-1:4840/UA"),
        ("opc.tcp://GW-1.Plant.Example.:4840/else", "opc.tcp://gw-1.plant.example:4840/UA"),
        ("opc.tcp://localhost", "opc.tcp://localhost:4840/UA"),
        ("opc.tcp://10.0.0.7:14840/", "opc.tcp://10.0.0.7:14840/UA"),
        ("opc.tcp://[FD00:0:0::7]:4840", "opc.tcp://[fd00::7]:4840/UA"),
        ("opc.tcp://gate.example:4840", "opc.tcp://gate.example:4840/UA"),
        ("opc.tcp://evil.example:4840", "opc.tcp://gate.example:4840/UA"),
        ("opc.tcp://gw-1:4840@evil.example:4840", "opc.tcp://gate.example:4840/UA"),
        ("opc.tcp://evil.example#@gw-1:4840", "opc.tcp://gate.example:4840/UA"),
        ("opc.tcp://gw-1:0", "opc.tcp://gate.example:4840/UA"),
        ("opc.tcp://gw-1:65536", "opc.tcp://gate.example:4840/UA"),
        ("http://gw-1:4840", "opc.tcp://gate.example:4840/UA"),
        ("opc.tcp://gw-1\n:4840", "opc.tcp://gate.example:4840/UA"),
        ("opc.tcp://gw-1:٤٨٤٠", "opc.tcp://gate.example:4840/UA"),
        ("", "opc.tcp://gate.example:4840/UA"),
        (None, "opc.tcp://gate.example:4840/UA"),
    ],
)
async def test_a_url_is_echoed_only_if_its_host_is_ours(asked: str | None, answered: str) -> None:
    urls = await made(f"{EVERYWHERE}/UA", "gate.example")
    assert urls.answer(asked) == answered
    assert urls.knows(asked) is (answered != urls.first or asked == answered.removesuffix("/UA"))


async def test_the_first_known_of_several_is_echoed() -> None:
    urls = await made(EVERYWHERE)
    assert urls.answer("opc.tcp://evil.example:1", "opc.tcp://10.0.0.7:4840") == "opc.tcp://10.0.0.7:4840"


@given(st.text(max_size=60), st.text(alphabet="opc.tcp://gw-1localhost:4840[]@#?%\\ \n", max_size=40))
def test_no_answer_names_another_host(anything: str, alike: str) -> None:
    urls = OwnUrls("opc.tcp://10.0.0.7:4840", (), lambda: MACHINE)
    for asked in (anything, alike, f"opc.tcp://{anything}", f"opc.tcp://{alike}:4840"):
        host = urls.answer(asked).removeprefix("opc.tcp://").rpartition(":")[0]
        assert host in {"10.0.0.7", "localhost", "127.0.0.1"}


async def test_what_is_told_leads_others_here() -> None:
    everywhere = await made("opc.tcp://[::]:4840")
    assert everywhere.told == (
        "opc.tcp://gw-1:4840",
        "opc.tcp://gw-1.plant.example:4840",
        "opc.tcp://10.0.0.7:4840",
        "opc.tcp://[fd00::7]:4840",
    )
    one = await made("opc.tcp://10.0.0.7:4841", "gate.example")
    assert one.told == ("opc.tcp://10.0.0.7:4841", "opc.tcp://gate.example:4841")
    assert one.discovery_urls("opc.tcp://gw-1:4841")[0] == "opc.tcp://gw-1:4841"
    alone = await made(EVERYWHERE, machine=MachineNames(("localhost",), ("127.0.0.1",)))
    assert alone.told == ("opc.tcp://localhost:4840",)


async def test_at_most_eight_urls_are_told() -> None:
    many = MachineNames(("localhost",), tuple(f"10.0.0.{number}" for number in range(1, 33)))
    urls = await made(EVERYWHERE, machine=many)
    assert len(urls.told) == len(urls.discovery_urls("opc.tcp://10.0.0.30:4840")) == 8
    assert urls.knows("opc.tcp://10.0.0.32:4840")


async def test_an_address_that_the_machine_gets_later_is_ours_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ua_stack.discovery.own_urls._LOOKS_EVERY", 0.01)
    machine = [MachineNames(("gw-1", "localhost"), ("127.0.0.1",))]
    urls = OwnUrls(EVERYWHERE, (), lambda: machine[0])
    changes: list[str] = []
    urls.on_change = lambda: changes.append(urls.first)
    await urls.start()
    assert not urls.knows("opc.tcp://10.0.0.7:4840")
    assert changes == ["opc.tcp://gw-1:4840"]
    machine[0] = MACHINE
    await until(lambda: urls.knows("opc.tcp://10.0.0.7:4840"))
    assert len(changes) == 2
    await urls.stop()
    await urls.stop()


async def test_slow_name_resolution_does_not_hold_the_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.ua_stack.discovery.own_urls._PATIENCE", 0.01)
    loop, release = asyncio.get_running_loop(), asyncio.Event()

    def slow() -> MachineNames:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return MACHINE

    urls = OwnUrls(EVERYWHERE, (), slow)
    await urls.start()
    assert urls.first == "opc.tcp://localhost:4840"
    release.set()
    await until(lambda: urls.first == "opc.tcp://gw-1:4840")
    await urls.stop()


def test_the_port_that_was_opened_is_told() -> None:
    urls = OwnUrls("opc.tcp://127.0.0.1:0", (), lambda: MACHINE)
    urls.listen("opc.tcp://127.0.0.1:34567/UA")
    assert urls.first == "opc.tcp://127.0.0.1:34567/UA"
