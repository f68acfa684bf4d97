"""What every operator passes: inherit :class:`OperatorConformance`, give a ``subject`` fixture, and run.

A test file of an operator reads::

    class TestConformance(OperatorConformance):
        @pytest.fixture
        def subject(self) -> OperatorUnderTest:
            return OperatorUnderTest(MANIFEST, SETTINGS, warm_up=30)

Tests of parameters and methods go by what the manifest declares, by nothing else. Asserts here carry their own words,
because pytest does not rewrite modules that are imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from analytics.contract import Operator, OperatorContext, OperatorManifest, OperatorOutput, OperatorSettings
from analytics.definitions import OperatorRefused, ParameterDefinition, Value
from analytics.registry import find_operators
from core.batch import Samples, ValueArray
from core.datatypes import DataType
from core.quality import Status, is_bad, is_good
from core.time import UNIX_EPOCH_TICKS

_SEVERITY = np.uint32(0xC0000000)
_EXTREMES = (0.0, -0.0, 5e-324, 1e-300, 1.0, -1.0, 1e300, -1e300, 1.7e308, -1.7e308, float("nan"), float("inf"))
_NO_VALUE: Mapping[DataType, tuple[object, ...]] = {
    DataType.BOOLEAN: (1, 0.0, "true", None),
    DataType.STRING: (1, True, None),
}
_NO_NUMBER = ("1", True, None, [1])


@dataclass(frozen=True, slots=True)
class OperatorUnderTest:
    """An operator's manifest, settings as a person writes them, and after how many samples its outputs are Good."""

    manifest: OperatorManifest
    settings: Mapping[str, object]
    warm_up: int = 0

    def make_settings(self) -> OperatorSettings:
        """Validate the settings."""
        return self.manifest.settings.model_validate(self.settings)

    def make(self) -> Operator:
        """Make a fresh operator whose inputs lie in slots 10, 11, …"""
        slots = {definition.name: 10 + place for place, definition in enumerate(self.manifest.inputs)}
        return self.manifest.make(self.make_settings(), OperatorContext("under-test", slots))


def samples_of(
    values: Sequence[float] | ValueArray,
    *,
    datatype: DataType = DataType.DOUBLE,
    status: int | Sequence[int] = Status.GOOD,
    slot: int = 10,
    first: int = 0,
) -> Samples:
    """Make what the process image hands on: samples a second apart, the ``first``-th of the stream at the front."""
    count = len(values)
    column = np.asarray(values).astype(datatype.dtype)
    for_all = np.full(count, slot, np.int32)
    source_time = UNIX_EPOCH_TICKS + (first + np.arange(count, dtype=np.int64)) * 10_000_000
    statuses = np.array(np.broadcast_to(np.asarray(status, np.uint32), (count,)))
    arrays = (for_all, for_all.copy(), column, statuses, source_time)
    for array in arrays:
        array.flags.writeable = False
    moment = UNIX_EPOCH_TICKS + (first + count) * 10_000_000
    return Samples(datatype, *arrays, moment, np.ones(count, np.bool_))


def noise(count: int, *, seed: int = 1) -> npt.NDArray[np.float64]:
    """Give a signal that every data type can hold: whole numbers about 50, none below 0 or above 100."""
    return np.clip(np.rint(np.random.default_rng(seed).normal(50.0, 8.0, count)), 0.0, 100.0)


def assert_same(one: OperatorOutput, other: OperatorOutput, what: str) -> None:
    """Fail unless both outputs hold the same."""
    for mine, its in zip(one.columns, other.columns, strict=True):
        for name in ("values", "status", "source_time"):
            assert np.array_equal(getattr(mine, name), getattr(its, name)), f"{what}: {name} differ"


class OperatorConformance:
    """The suite."""

    @pytest.fixture
    def subject(self) -> OperatorUnderTest:
        """Give the operator; the inheriting class says which."""
        raise NotImplementedError

    @pytest.fixture
    def warm(self, subject: OperatorUnderTest) -> Operator:
        """Give an operator that has seen enough of its inputs."""
        operator = subject.make()
        self._feed(subject, operator, noise(subject.warm_up))
        return operator

    def test_the_registry_finds_it_by_its_name(self, subject: OperatorUnderTest) -> None:
        assert find_operators()[subject.manifest.name] is subject.manifest, "another manifest has this name"

    def test_browse_names_are_unique_and_the_type_is_named_as_one(self, subject: OperatorUnderTest) -> None:
        manifest = subject.manifest
        members = (*manifest.inputs, *manifest.outputs, *manifest.parameters, *manifest.methods)
        names = [member.name for member in members]
        assert len(names) == len(set(names)), f"a BrowseName stands twice among {names}"
        assert manifest.type_name.endswith("Type"), f"{manifest.type_name} does not end in Type"
        assert all(member.description for member in members), "something has no description"

    def test_settings_name_a_node_for_each_input(self, subject: OperatorUnderTest) -> None:
        named = list(subject.make_settings().input_nodes())
        assert named == [definition.name for definition in subject.manifest.inputs], f"settings name {named}"

    def test_outputs_are_as_declared_for_every_accepted_type(self, subject: OperatorUnderTest) -> None:
        for place, definition in enumerate(subject.manifest.inputs):
            for datatype in definition.datatypes:
                operator = subject.make()
                count = subject.warm_up + 5
                output = operator.process(samples_of(noise(count), datatype=datatype, slot=10 + place))
                self._check_columns(subject, output, count)

    def test_an_empty_batch_gives_empty_columns(self, subject: OperatorUnderTest, warm: Operator) -> None:
        self._check_columns(subject, warm.process(samples_of([])), 0)

    def test_source_times_are_the_inputs(self, warm: Operator) -> None:
        samples = samples_of(noise(7), first=1000)
        for column in warm.process(samples).columns:
            assert np.array_equal(column.source_time, samples.source_time), "a source time was changed"

    def test_outputs_are_good_after_the_warm_up_and_not_before(self, subject: OperatorUnderTest) -> None:
        output = subject.make().process(samples_of(noise(subject.warm_up + 3)))
        for column in output.columns:
            good = [is_good(int(status)) for status in column.status]
            expected = [place >= subject.warm_up for place in range(len(good))]
            assert good == expected, f"outputs are Good at {good}"

    def test_the_worst_input_status_is_carried_through(self, warm: Operator) -> None:
        statuses = [Status.GOOD, Status.UNCERTAIN_SENSOR_NOT_ACCURATE, Status.BAD_SENSOR_FAILURE, Status.GOOD]
        for column in warm.process(samples_of(noise(4), status=statuses)).columns:
            assert column.status.tolist() == statuses, "a status is not the input's"

    def test_before_the_warm_up_a_bad_input_gives_its_own_bad_status(self, subject: OperatorUnderTest) -> None:
        for column in subject.make().process(samples_of([1.0], status=Status.BAD_NO_COMMUNICATION)).columns:
            assert column.status.tolist() == [Status.BAD_NO_COMMUNICATION], "the Bad status was replaced"

    def test_bad_samples_leave_no_trace(self, subject: OperatorUnderTest, warm: Operator) -> None:
        other = subject.make()
        self._feed(subject, other, noise(subject.warm_up))
        other.process(samples_of([0.0, 100.0, float("nan")], status=Status.BAD_DEVICE_FAILURE))
        after = samples_of(noise(20, seed=2))
        assert_same(warm.process(after), other.process(after), "after Bad samples")

    def test_samples_that_are_no_numbers_are_bad_and_leave_no_trace(
        self, subject: OperatorUnderTest, warm: Operator
    ) -> None:
        other = subject.make()
        self._feed(subject, other, noise(subject.warm_up))
        for column in other.process(samples_of([float("nan"), float("inf"), float("-inf")])).columns:
            assert all(is_bad(int(status)) for status in column.status), "NaN or infinity was not Bad"
        after = samples_of(noise(20, seed=2))
        assert_same(warm.process(after), other.process(after), "after NaN and infinity")

    def test_no_output_leaves_its_range_whatever_comes(self, subject: OperatorUnderTest) -> None:
        generator = np.random.default_rng(3)
        operator = subject.make()
        for first in range(0, 400, 40):
            output = operator.process(samples_of(generator.choice(_EXTREMES, 40), first=first))
            self._check_columns(subject, output, 40)

    def test_process_does_not_write_to_its_input(self, warm: Operator) -> None:
        samples = samples_of(noise(9), status=Status.UNCERTAIN)  # its arrays refuse to be written to
        values, statuses = samples.values.copy(), samples.status.copy()
        warm.process(samples)
        assert np.array_equal(samples.values, values), "the input's values changed"
        assert np.array_equal(samples.status, statuses), "the input's statuses changed"

    def test_outputs_given_before_stay_as_they_were(self, warm: Operator) -> None:
        output = warm.process(samples_of(noise(5)))
        kept = [(column.values.copy(), column.status.copy()) for column in output.columns]
        warm.process(samples_of(noise(5, seed=9), status=Status.UNCERTAIN))
        for column, (values, statuses) in zip(output.columns, kept, strict=True):
            assert np.array_equal(column.values, values), "values handed out before have changed"
            assert np.array_equal(column.status, statuses), "statuses handed out before have changed"

    def test_one_batch_or_many_give_the_same(self, subject: OperatorUnderTest) -> None:
        signal = noise(subject.warm_up + 40)
        whole = subject.make().process(samples_of(signal))
        operator = subject.make()
        pieces = [
            operator.process(samples_of(signal[first : first + 7], first=first)) for first in range(0, len(signal), 7)
        ]
        for place, column in enumerate(whole.columns):
            joined = np.concatenate([piece.columns[place].values for piece in pieces])
            assert np.array_equal(column.values, joined), "the cut of the batches shows in the values"

    def test_two_operators_share_nothing(self, subject: OperatorUnderTest, warm: Operator) -> None:
        fresh = subject.make()
        warm.process(samples_of(noise(50, seed=4)))
        count = subject.warm_up + 3
        assert_same(
            fresh.process(samples_of(noise(count))), subject.make().process(samples_of(noise(count))), "beside another"
        )

    def test_parameters_are_those_declared_and_within_their_bounds(
        self, subject: OperatorUnderTest, warm: Operator
    ) -> None:
        present = warm.parameters()
        assert list(present) == [definition.name for definition in subject.manifest.parameters], "others are declared"
        for definition in subject.manifest.parameters:
            assert definition.check(present[definition.name]) == present[definition.name], f"{definition.name} is not"

    def test_parameters_take_the_value_that_they_have(self, warm: Operator) -> None:
        before = dict(warm.parameters())
        for name, value in before.items():
            warm.set_parameter(name, value)
        assert dict(warm.parameters()) == before, "a parameter changed"

    def test_parameters_out_of_bounds_are_refused_and_change_nothing(
        self, subject: OperatorUnderTest, warm: Operator
    ) -> None:
        for definition in subject.manifest.parameters:
            for value in _beyond(definition):
                self._check_refused(warm, definition.name, value, Status.BAD_OUT_OF_RANGE)
        self._check_still(subject, warm)

    def test_parameters_of_another_type_are_refused_and_change_nothing(
        self, subject: OperatorUnderTest, warm: Operator
    ) -> None:
        for definition in subject.manifest.parameters:
            wrong = [*_NO_VALUE.get(definition.datatype, _NO_NUMBER)]
            wrong += [1.5] if definition.datatype.is_integer else []
            for value in wrong:
                self._check_refused(warm, definition.name, value, Status.BAD_TYPE_MISMATCH)
        self._check_still(subject, warm)

    def test_an_unknown_parameter_is_refused(self, warm: Operator) -> None:
        self._check_refused(warm, "NoSuchParameter", 1, Status.BAD_NODE_ID_UNKNOWN)

    async def test_methods_refuse_the_wrong_number_of_arguments(
        self, subject: OperatorUnderTest, warm: Operator
    ) -> None:
        for method in subject.manifest.methods:
            exact: list[object] = [0.0] * len(method.inputs)
            with pytest.raises(OperatorRefused) as refusal:
                await warm.call(method.name, [*exact, 0.0])
            assert refusal.value.status == Status.BAD_TOO_MANY_ARGUMENTS, f"{method.name}: {refusal.value}"
            if exact:
                with pytest.raises(OperatorRefused) as refusal:
                    await warm.call(method.name, exact[1:])
                assert refusal.value.status == Status.BAD_ARGUMENTS_MISSING, f"{method.name}: {refusal.value}"
        self._check_still(subject, warm)

    async def test_methods_say_which_argument_is_of_another_type(
        self, subject: OperatorUnderTest, warm: Operator
    ) -> None:
        for method in subject.manifest.methods:
            if not method.inputs:
                continue
            with pytest.raises(OperatorRefused) as refusal:
                await warm.call(method.name, [None] * len(method.inputs))
            assert refusal.value.status == Status.BAD_INVALID_ARGUMENT, f"{method.name}: {refusal.value}"
            assert refusal.value.arguments == (Status.BAD_TYPE_MISMATCH,) * len(method.inputs), "no result an argument"
        self._check_still(subject, warm)

    async def test_an_unknown_method_is_refused(self, warm: Operator) -> None:
        with pytest.raises(OperatorRefused) as refusal:
            await warm.call("NoSuchMethod", [])
        assert refusal.value.status == Status.BAD_METHOD_INVALID, str(refusal.value)

    async def test_reset_makes_it_as_new_and_keeps_its_parameters(
        self, subject: OperatorUnderTest, warm: Operator
    ) -> None:
        if "Reset" not in [method.name for method in subject.manifest.methods]:
            pytest.skip("the manifest declares no Reset")
        before = dict(warm.parameters())
        assert await warm.call("Reset", []) == (), "Reset gave output arguments"
        assert dict(warm.parameters()) == before, "Reset changed a parameter"
        again = samples_of(noise(subject.warm_up + 10, seed=5))
        assert_same(warm.process(again), subject.make().process(again), "after Reset")

    def _feed(self, subject: OperatorUnderTest, operator: Operator, signal: npt.NDArray[np.float64]) -> None:
        for place in range(len(subject.manifest.inputs)):
            operator.process(samples_of(signal, slot=10 + place))

    def _check_columns(self, subject: OperatorUnderTest, output: OperatorOutput, count: int) -> None:
        assert len(output.columns) == len(subject.manifest.outputs), "another number of outputs is declared"
        for definition, column in zip(subject.manifest.outputs, output.columns, strict=True):
            name = definition.name
            assert column.values.dtype == definition.datatype.dtype, f"{name} is {column.values.dtype}"
            assert column.status.dtype == np.uint32, f"{name}'s status is {column.status.dtype}"
            assert column.source_time.dtype == np.int64, f"{name}'s source time is {column.source_time.dtype}"
            for array in (column.values, column.status, column.source_time):
                assert array.shape == (count,), f"{name} has {array.shape} entries for {count} samples"
            if definition.datatype.is_number:
                values = column.values.astype(np.float64)
                assert bool(np.all((values >= definition.minimum) & (values <= definition.maximum))), f"{name} left it"

    def _check_refused(self, operator: Operator, name: str, value: object, status: int) -> None:
        before = dict(operator.parameters())
        with pytest.raises(OperatorRefused) as refusal:
            operator.set_parameter(name, value)
        assert refusal.value.status == status, f"{name} = {value!r}: {refusal.value} with {refusal.value.status:#010x}"
        assert dict(operator.parameters()) == before, f"the refused {name} = {value!r} changed something"

    def _check_still(self, subject: OperatorUnderTest, operator: Operator) -> None:
        """Fail unless ``operator``, warm before, goes on as one that was left alone."""
        alone = subject.make()
        self._feed(subject, alone, noise(subject.warm_up))
        after = samples_of(noise(20, seed=6))
        assert_same(operator.process(after), alone.process(after), "after refusals")


def _beyond(definition: ParameterDefinition) -> list[Value]:
    """Give values of the parameter's type outside its bounds."""
    if not definition.datatype.is_number:
        return []
    step = 1 if definition.datatype.is_integer else 0.001
    bounds = [(definition.minimum, -step), (definition.maximum, step)]
    beyond: list[Value] = [bound + away for bound, away in bounds if np.isfinite(bound)]
    if definition.datatype.is_integer:
        return [int(value) for value in beyond]
    return [*beyond, float("nan")]
