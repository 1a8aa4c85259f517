"""Devices by name, and what they lack."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from helpers.emulated_device import NAME, emulated
from impasto.errors import OptionError
from impasto.runtime import device_memory, devices
from impasto.runtime.devices import (
    CPU,
    as_float64,
    as_widest_float,
    find_device,
    find_training_device,
    has_float64,
    on_cpu_if_missing,
)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch):
    """A function that sets which devices there are, two of each kind but Apple's."""

    def set_kinds(*kinds: str) -> None:
        for name in ("cuda", "xpu"):
            module = getattr(torch, name)
            monkeypatch.setattr(module, "is_available", lambda name=name: name in kinds)
            monkeypatch.setattr(module, "device_count", lambda: 2)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)
        monkeypatch.setattr(devices, "_can_paint", lambda device: True)

    return set_kinds


@pytest.mark.parametrize(
    ("kinds", "painting", "training"),
    [
        ((), "cpu", "cpu"),
        (("cuda",), "cuda:0", "cuda:0"),
        (("cuda", "xpu", "mps"), "cuda:0", "cuda:0"),
        (("xpu", "mps"), "xpu:0", "xpu:0"),
        (("mps",), "mps:0", "cpu"),
    ],
)
def test_auto(kinds, painting, training, there):
    there(*kinds)
    assert find_device() == find_device("auto") == torch.device(painting)
    assert find_training_device() == torch.device(training)


def test_auto_passes_over_a_device_that_cannot_paint(there, monkeypatch):
    there("mps")
    monkeypatch.setattr(devices, "_can_paint", lambda device: device.type != "mps")
    assert find_device() == CPU
    assert find_device("mps") == torch.device("mps", 0)  # asked for by name


@pytest.mark.parametrize("find", [find_device, find_training_device])
def test_by_name(find, there):
    there("cuda", "mps")
    assert find("cuda:1") == torch.device("cuda:1")
    assert find("mps") == torch.device("mps:0")
    assert find("cpu") == find("cpu:0") == find(torch.device("cpu")) == CPU
    with pytest.raises(OptionError, match=r"device cuda:2: this PyTorch .* sees no such device"):
        find("cuda:2")
    with pytest.raises(OptionError, match="choose one of auto, cpu, mps, xpu, cuda"):
        find("gpu")


@pytest.mark.parametrize("name", ["gpu", "", "meta", "cpu:3", "cuda", "mps", "mps:1", "xpu"])
def test_what_is_not_there(name, there):
    there()
    with pytest.raises(OptionError, match="device"):
        find_device(name)


def test_a_device_that_can_paint():
    assert devices._can_paint(CPU)
    with emulated():
        assert devices._can_paint(find_device(NAME))


def test_float64_where_there_is_none():
    x = torch.rand(3, 3)
    with emulated(lacks_float64=True):
        device = find_device(NAME)
        away = x.to(device)
        assert not has_float64(device)
        assert as_float64(away).device == CPU
        assert as_widest_float(away).device == device
        assert as_widest_float(away).dtype == torch.float32
    with emulated():
        assert as_float64(x.to(NAME)).device.type == NAME
    for wide in (as_float64(x), as_widest_float(x)):
        assert wide.dtype == torch.float64
        assert torch.equal(wide, x.double())


def test_an_operation_that_is_missing_is_done_on_the_cpu():
    matrix = torch.rand(4, 4)
    matrix = matrix @ matrix.mT
    picture = torch.rand(1, 3, 12, 12)
    calls = []

    def eigenvalues(x):
        calls.append(x.device.type)
        return torch.linalg.eigh(x)

    def enlarged(x):
        return on_cpu_if_missing(F.interpolate, x, size=(5, 7), mode="bicubic", antialias=True)

    with emulated(lacks_float64=True):
        for _ in range(2):
            values, vectors = on_cpu_if_missing(eigenvalues, matrix.to(NAME))
            assert {values.device.type, vectors.device.type} == {NAME}
            torch.testing.assert_close(values.cpu(), torch.linalg.eigvalsh(matrix))
        assert calls == [NAME, "cpu", "cpu"]  # not tried again
        assert enlarged(picture.to(NAME)).device.type == NAME
        torch.testing.assert_close(enlarged(picture.to(NAME)).cpu(), enlarged(picture))


def test_other_errors_are_not_taken_for_missing_operations():
    def fail(x):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        on_cpu_if_missing(fail, torch.zeros(1))


def test_memory_of_a_gpu(monkeypatch):
    class Module:
        def mem_get_info(self, device):
            return 6e9, 8e9

        def memory_reserved(self, device):
            return 3e9

        def memory_allocated(self, device):
            return 1e9

        def max_memory_allocated(self, device):
            return 2.5e9

        def empty_cache(self):
            self.is_empty = True

    module = Module()
    monkeypatch.setattr(device_memory, "device_module", lambda device: module)
    device = torch.device("cuda", 0)
    assert device_memory.free_bytes(device) == 8e9  # what PyTorch keeps counts as free
    assert device_memory.memory_budget(device) == pytest.approx(8e9 * 2 / 3)
    assert device_memory.peak_bytes(device) == 2.5e9
    assert device_memory.base_bytes(device) == 0 < device_memory.base_bytes(CPU)
    device_memory.release_memory(device)
    assert module.is_empty


def test_memory_of_apples_gpu_is_that_of_the_machine(monkeypatch):
    class Module:
        def recommended_max_memory(self):
            return 10e9

        def current_allocated_memory(self):
            return 4e9

    monkeypatch.setattr(device_memory, "device_module", lambda device: Module())
    device = torch.device("mps", 0)
    monkeypatch.setattr(device_memory.memory, "available_bytes", lambda: 3e9)
    assert device_memory.free_bytes(device) == 3e9
    monkeypatch.setattr(device_memory.memory, "available_bytes", lambda: 30e9)
    assert device_memory.free_bytes(device) == 6e9
    assert device_memory.peak_bytes(device) == 4e9
