from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field, ValidationError, model_validator

from core.errors import Findings, SettingError
from core.settings import Document, Duration, PositiveDuration, Settings, build, choose


class Parity(enum.Enum):
    NONE = "N"
    EVEN = "E"


class Ramp(Settings):
    signal: Literal["ramp"]
    count: int = Field(ge=1)


class Sine(Settings):
    signal: Literal["sine"]
    period: PositiveDuration = 1.0


class Point(Settings):
    node: str
    scale: float = 1.0


def even(value: int) -> int:
    if value % 2:
        problem = f"{value} is odd"
        raise SettingError(problem, "write an even number")
    return value


class Device(Settings):
    url: str = Field(examples=["tcp://127.0.0.1:502"])
    unit: int = Field(default=1, ge=0, le=247, examples=[3])
    scan: PositiveDuration = 0.1
    stale: Annotated[Duration, Field(ge=0.5)] = 1.0
    parity: Parity = Parity.NONE
    order: Literal["abcd", "cdab"] = "abcd"
    verify: bool = False
    scale: float = 1.0
    limits: tuple[float, ...] = ()
    generate: Annotated[Ramp | Sine, Field(discriminator="signal")] | None = None
    points: list[Point] | Path = Path("points.csv")
    labels: dict[str, int] = Field(default_factory=dict[str, int])
    retries: int | Literal["never"] = 1
    pairs: Annotated[int, AfterValidator(even)] = 2
    data_dir: Path = Path()
    tag: str = Field(default="", pattern="^[a-z]*$", alias="from")

    @model_validator(mode="after")
    def _stale_is_longer_than_scan(self) -> Device:
        if self.stale < self.scan:
            problem = "stale is shorter than scan"
            raise SettingError(problem, "make it longer")
        return self


def put(folder: Path, text: str) -> Document:
    file = folder / "c.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    assert document is not None
    assert not findings
    return document


def problems(folder: Path, text: str, model: type[Settings] = Device) -> list[str]:
    findings = Findings()
    assert build(model, put(folder, text), findings) is None
    return [str(finding).replace(f"{folder}/", "") for finding in sorted(findings.items)]


def test_good_settings_are_built(tmp_path: Path) -> None:
    text = """
url: tcp://meter:502
scan: 10ms
parity: E
verify: yes
scale: 2
limits: [1, 2.5]
generate: {signal: sine, period: 2s}
points: [{node: A}, {node: B, scale: 0.1}]
labels: {1: 2}
retries: never
data_dir: ./var
from: here
"""
    findings = Findings()
    device = build(Device, put(tmp_path, text), findings)
    assert not findings
    assert device == Device(
        url="tcp://meter:502",
        scan="10ms",  # pyright: ignore[reportArgumentType] - settings take durations as they are written
        parity=Parity.EVEN,
        verify=True,
        scale=2.0,
        limits=(1.0, 2.5),
        generate=Sine(signal="sine", period="2s"),  # pyright: ignore[reportArgumentType] - as above
        points=[Point(node="A"), Point(node="B", scale=0.1)],
        labels={"1": 2},
        retries="never",
        data_dir=Path("var"),
        **{"from": "here"},  # pyright: ignore[reportArgumentType] - a keyword of Python as a key
    )


GOLDEN: list[tuple[str, str, list[str]]] = [
    (
        "unknown_keys",
        "url: a\nscann: 10ms\nqqqqqq: 1\n",
        [
            "c.yaml:2:1: unknown key 'scann' (did you mean 'scan'?)",
            (
                "c.yaml:3:1: unknown key 'qqqqqq' (valid keys: url, unit, scan, stale, parity, order, verify, scale, "
                "limits, generate, points, labels, retries, pairs, data_dir, from)"
            ),
        ],
    ),
    (
        "unknown_key_spelled_otherwise",
        "url: a\nData-Dir: x\n",
        ["c.yaml:2:1: unknown key 'Data-Dir' (did you mean 'data_dir'?)"],
    ),
    (
        "unknown_key_deep_down",
        "url: a\npoints:\n  - node: A\n    scael: 1\n",
        ["c.yaml:4:5: unknown key 'scael' in 'points[0]' (did you mean 'scale'?)"],
    ),
    (
        "missing_keys",
        "points:\n  - node: A\n  - scale: 1\n",
        [
            "c.yaml:1:1: the key 'url' is missing (write url: tcp://127.0.0.1:502)",
            "c.yaml:3:5: the key 'node' is missing in 'points[1]' (add node: …)",
        ],
    ),
    (
        "missing_key_in_a_named_mapping",
        "url: a\n\ngenerate:\n  signal: ramp\n",
        ["c.yaml:3:1: the key 'count' is missing in 'generate' (add count: …)"],
    ),
    (
        "wrong_types",
        "url: 5\nunit: one\nverify: maybe\nscale: [1]\nlimits: 1\nlabels: x\ndata_dir: {a: 1}\n",
        [
            "c.yaml:1:6: 'url' must be text, but the number 5 stands there (write it in quotes: \"5\")",
            "c.yaml:2:7: 'unit' must be a whole number, but the text 'one' stands there (write for example unit: 3)",
            (
                "c.yaml:3:9: 'verify' must be true or false, but the text 'maybe' stands there "
                "(write for example verify: true)"
            ),
            "c.yaml:4:8: 'scale' must be a number, but a list stands there (write for example scale: 0.5)",
            (
                "c.yaml:5:9: 'limits' must be a list, but the number 1 stands there "
                "(write for example limits: [first, second])"
            ),
            (
                "c.yaml:6:9: 'labels' must be a mapping, but the text 'x' stands there "
                "(write for example labels: {key: value})"
            ),
            "c.yaml:7:11: 'data_dir' must be a path, but a mapping stands there (write for example data_dir: ./var)",
        ],
    ),
    (
        "true_is_no_number",
        "url: a\nunit: true\nlimits: [1, false]\n",
        [
            "c.yaml:2:7: 'unit' must be a whole number, but true stands there (write for example unit: 3)",
            "c.yaml:3:13: 'limits[1]' must be a number, but false stands there (write for example 0.5)",
        ],
    ),
    (
        "nothing_given",
        "url:\nunit: ~\n",
        [
            "c.yaml:1:1: 'url' must be text, but nothing stands there (write for example url: tcp://127.0.0.1:502)",
            "c.yaml:2:7: 'unit' must be a whole number, but nothing stands there (write for example unit: 3)",
        ],
    ),
    (
        "limits",
        "url: a\nunit: 300\nstale: 100ms\nscale: .inf\nfrom: A\n",
        [
            "c.yaml:2:7: 'unit' must be at most 247, but the number 300 stands there (write for example unit: 3)",
            "c.yaml:3:8: 'stale' must be at least 500ms, but the text '100ms' stands there",
            "c.yaml:4:8: 'scale' must be a finite number (write for example scale: 0.5)",
            "c.yaml:5:7: 'from' must have the form ^[a-z]*$, but the text 'A' stands there",
        ],
    ),
    (
        "choices",
        "url: a\norder: cdba\nparity: X\n",
        [
            "c.yaml:2:8: 'order' must be one of abcd, cdab, but the text 'cdba' stands there (did you mean 'cdab'?)",
            "c.yaml:3:9: 'parity' must be one of N, E, but the text 'X' stands there (write one of them)",
        ],
    ),
    (
        "durations",
        "url: a\nscan: 10\nstale: 5m\n",
        [
            "c.yaml:2:7: 'scan': the duration 10 has no unit (write a unit: 100ms)",
            "c.yaml:3:8: 'stale': 'm' is not a unit of time (minutes are written 5min)",
        ],
    ),
    (
        "discriminator",
        "url: a\ngenerate: {signal: sinus}\n",
        ["c.yaml:2:20: 'generate.signal' must be one of ramp, sine (did you mean 'sine'?)"],
    ),
    (
        "discriminator_missing",
        "url: a\ngenerate: {count: 1}\n",
        ["c.yaml:2:1: 'generate.signal' is missing (write signal: one of ramp, sine)"],
    ),
    (
        "inside_a_discriminated_mapping",
        "url: a\ngenerate: {signal: ramp, count: 0, cuont: 2}\n",
        [
            "c.yaml:2:33: 'generate.count' must be at least 1, but the number 0 stands there",
            "c.yaml:2:36: unknown key 'cuont' in 'generate' (valid keys: signal, count)",
        ],
    ),
    (
        "union_of_scalars",
        "url: a\nretries: newer\n",
        [
            (
                "c.yaml:2:10: 'retries' must be a whole number or 'never', but the text 'newer' stands there "
                "(write for example retries: 1)"
            )
        ],
    ),
    (
        "own_validators",
        "url: a\npairs: 3\n",
        ["c.yaml:2:8: 'pairs': 3 is odd (write an even number)"],
    ),
    (
        "own_validator_of_the_whole",
        "url: a\nscan: 10s\n",
        ["c.yaml:1:1: stale is shorter than scan (make it longer)"],
    ),
    ("no_mapping", "- a\n", ["c.yaml:1:1: the file must be a mapping of keys to values (write key: value)"]),
    ("empty", "", ["c.yaml:1:1: the key 'url' is missing (write url: tcp://127.0.0.1:502)"]),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_bad_settings_are_told_exactly(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


TWO_DEVICES = """\
devices:
  meter-1:
    driver: modbus
    unti: 3
  meter-2:
    url: a
    unit: x
"""


def test_a_section_is_built_with_the_places_and_names_of_its_document(tmp_path: Path) -> None:
    document = put(
        tmp_path, "devices:\n  meter-1:\n    driver: modbus\n    unti: 3\n  meter-2:\n    url: a\n    unit: x\n"
    )
    findings = Findings()
    for section in document.members("devices", findings).values():
        assert build(Device, section, findings, elsewhere=["driver"]) is None
    assert [str(finding).replace(f"{tmp_path}/", "") for finding in sorted(findings.items)] == [
        "c.yaml:2:3: the key 'url' is missing in 'devices.meter-1' (write url: tcp://127.0.0.1:502)",
        "c.yaml:4:5: unknown key 'unti' in 'devices.meter-1' (did you mean 'unit'?)",
        (
            "c.yaml:7:11: 'devices.meter-2.unit' must be a whole number, but the text 'x' stands there "
            "(write for example unit: 3)"
        ),
    ]


def test_keys_read_elsewhere_are_known_to_suggestions(tmp_path: Path) -> None:
    findings = Findings()
    document = put(tmp_path, "url: a\ndevice: {}\n")
    assert build(Device, document, findings, elsewhere=["devices"]) is None
    assert [finding.mend for finding in findings.items] == ["did you mean 'devices'?"]


def test_a_word_chooses(tmp_path: Path) -> None:
    drivers = {"modbus": 1, "can": 2}
    findings = Findings()
    assert choose(put(tmp_path, "driver: can\n"), "driver", drivers, findings) == 2
    assert not findings
    for text in ("driver: modbsu\n", "driver: 1\n", "url: x\n", "driver: s7\n"):
        assert choose(put(tmp_path, text), "driver", drivers, findings) is None
    assert [str(finding).replace(f"{tmp_path}/", "") for finding in findings.items] == [
        "c.yaml:1:9: 'driver' is unknown: 'modbsu' (did you mean 'modbus'?)",
        "c.yaml:1:9: 'driver' must be one word (write driver: one of modbus, can)",
        "c.yaml:1:1: 'driver' is missing (write driver: one of modbus, can)",
        "c.yaml:1:9: 'driver' is unknown: 's7' (choices: modbus, can)",
    ]


def test_settings_are_frozen() -> None:
    point = Point(node="A")
    with pytest.raises(ValidationError):
        point.node = "B"  # pyright: ignore[reportAttributeAccessIssue] - refusing it is what is shown
    assert hash(point) == hash(Point(node="A"))


class Coarse(Settings):
    kind: Literal["coarse"] = "coarse"
    step: int


class Fine(Settings):
    grain: float
    other: int


class Chosen(Settings):
    how: Coarse | Fine


def test_of_a_union_the_likely_member_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path, "how: {stepp: 1}\n", Chosen) == [
        "c.yaml:1:1: the key 'step' is missing in 'how' (add step: …)",
        "c.yaml:1:7: unknown key 'stepp' in 'how' (did you mean 'step'?)",
    ]
