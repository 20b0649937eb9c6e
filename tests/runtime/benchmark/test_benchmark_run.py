"""How a benchmark runs its plan and what rows it makes of the reports; the measuring itself is a fake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgecls.bundle import Bundle
from edgecls.devices.health import Health
from edgecls.errors import DeviceError, ModelError
from edgecls.machine import Machine
from edgecls.runtime import benchmark_plan
from edgecls.runtime.benchmark import run_benchmark
from edgecls.runtime.benchmark_plan import BenchmarkPlan, plan_benchmark
from edgecls.runtime.benchmark_worker import WorkOrder, WorkReport

MakeBundle = Callable[..., Bundle]
COLD, WARM = Health(40.0, 2400.0, False, None), Health(71.0, 1500.0, True, None)


class FakeWork:
    """Answers "red" to everything; the nth process takes n ms for each photo."""

    def __init__(self, broken: str | None = None) -> None:
        self.orders: list[WorkOrder] = []
        self.broken = broken

    def __call__(self, order: WorkOrder) -> WorkReport:
        self.orders.append(order)
        if self.broken and order.model.endswith(self.broken):
            raise DeviceError("the engine does not work here; install another")
        n, shown = len(self.orders), len(order.photos) * order.passes
        return WorkReport(
            runs_on="fake 1.0",
            load_ms=float(n),
            first_ms=10.0 * n,
            invoke_ms=(float(n),) * shown,
            frame_ms=(n + 0.5,) * shown,
            answers=(0,) * len(order.photos),
            base_memory_mb=50.0 + n,
            peak_memory_mb=100.0 + n,
        )


@pytest.fixture(autouse=True)
def _engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_plan, "is_installed", lambda engine: engine == "litert")


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle("model.float32.tflite", "model.int8.tflite")


@pytest.fixture
def plan(bundle: Bundle, machine: Machine) -> BenchmarkPlan:
    return plan_benchmark(bundle, machine, threads=[1])


def test_the_order_turns_from_round_to_round(bundle: Bundle, machine: Machine, plan: BenchmarkPlan) -> None:
    work = FakeWork()
    run_benchmark(bundle, machine, plan, measure=work)
    files = [Path(order.model).name.split(".")[1] for order in work.orders]
    assert files == ["float32", "int8", "int8", "float32", "float32", "int8"]


def test_every_configuration_sees_every_photo_once(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan
) -> None:
    work = FakeWork()
    run_benchmark(bundle, machine, plan, measure=work)
    seen = sorted(photo for order in work.orders if "int8" in order.model for photo in order.photos)
    assert seen == sorted(str(bundle.folder / photo.file) for photo in bundle.manifest.evaluation)


def test_a_row_joins_the_rounds_and_counts_accuracy_from_the_timed_runs(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan
) -> None:
    row = run_benchmark(bundle, machine, plan, measure=FakeWork()).rows[0]
    assert row.top1.value == pytest.approx(3 / 9)
    assert row.top1.n == 9
    assert len(row.invoke_samples_ms) == 9 * plan.passes
    assert set(row.invoke_samples_ms) == {1.0, 4.0, 5.0}
    assert (row.invoke_ms.p50, row.frame_ms.p50) == (4.0, 4.5)
    assert (row.load_ms, row.first_ms) == (4.0, 40.0)
    assert (row.base_memory_mb, row.peak_memory_mb) == (51.0, 105.0)


def test_a_configuration_that_fails_is_named_and_the_others_stay(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan
) -> None:
    work = FakeWork(broken="model.int8.tflite")
    result = run_benchmark(bundle, machine, plan, measure=work)
    assert [row.file for row in result.rows] == ["model.float32.tflite"]
    failed = {skip.what: skip.reason for skip in result.skipped}
    assert failed["tflite int8 on litert, 1 thread"] == "the engine does not work here; install another"
    assert sum("int8" in order.model for order in work.orders) == 1


def test_nothing_measured_is_an_error_with_the_reasons(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan
) -> None:
    with pytest.raises(DeviceError, match=r"nothing could be measured; .*the engine does not work here"):
        run_benchmark(bundle, machine, plan, measure=FakeWork(broken=".tflite"))


def test_a_changed_model_file_stops_the_benchmark(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan
) -> None:
    (bundle.folder / "model.int8.tflite").write_bytes(b"another model")
    with pytest.raises(ModelError, match="the file was changed"):
        run_benchmark(bundle, machine, plan, measure=FakeWork())


def test_a_changed_photo_stops_the_benchmark(bundle: Bundle, machine: Machine, plan: BenchmarkPlan) -> None:
    (bundle.folder / bundle.manifest.evaluation[4].file).write_bytes(b"another photo")
    with pytest.raises(ModelError, match="the file was changed"):
        run_benchmark(bundle, machine, plan, measure=FakeWork())


def test_progress_ends_at_its_total_even_when_one_fails(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan
) -> None:
    ticks: list[tuple[int, int]] = []
    run_benchmark(
        bundle,
        machine,
        plan,
        measure=FakeWork(broken="int8.tflite"),
        tick=lambda done, total: ticks.append((done, total)),
    )
    assert ticks == [(i, 6) for i in range(1, 7)]


def test_the_board_is_asked_before_and_after(bundle: Bundle, machine: Machine, plan: BenchmarkPlan) -> None:
    answers = iter((COLD, WARM))
    result = run_benchmark(bundle, machine, plan, measure=FakeWork(), health=lambda: next(answers))
    assert (result.before, result.after) == (COLD, WARM)


def test_the_result_names_machine_versions_and_method(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan
) -> None:
    result = run_benchmark(bundle, machine, plan, measure=FakeWork())
    assert result.machine == machine
    assert {"edgecls", "python", "numpy"} <= set(result.versions)
    assert "9 held-out photos, shown 7 times, dealt into 3 rounds" in result.method


@pytest.mark.parametrize("file", ["model.float32.tflite", "model.int8.tflite"])
def test_a_changed_model_file_is_found_before_anything_is_measured(
    bundle: Bundle, machine: Machine, plan: BenchmarkPlan, file: str
) -> None:
    (bundle.folder / file).write_bytes(b"another model")
    work = FakeWork()
    with pytest.raises(ModelError, match=f"{file}: expected sha256"):
        run_benchmark(bundle, machine, plan, measure=work)
    assert work.orders == []
