"""Limits of containers and of ``ulimit -v`` count as free memory; what happens without any left."""

import errno
import subprocess
import sys
import textwrap

import pytest
import torch

from impasto.errors import InputDataError
from impasto.runtime import memory, memory_limits
from impasto.runtime.memory import is_out_of_memory, memory_errors

GB = 10**9


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Makes the files of control groups; returns the bytes that are free below them."""
    monkeypatch.setattr(memory_limits, "CGROUP_ROOT", tmp_path / "cgroup")
    monkeypatch.setattr(memory_limits, "PROCESS_GROUPS", tmp_path / "of-process")

    def free(of_process, files):
        (tmp_path / "of-process").write_text(of_process)
        for name, content in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")
        return memory_limits.free_below_limits()

    return free


def v2(folder, limit, used, cached=0, high="max"):
    return {
        f"{folder}memory.max": limit,
        f"{folder}memory.high": high,
        f"{folder}memory.current": used,
        f"{folder}memory.stat": f"anon {used}\ninactive_file {cached}\nfile 7",
    }


def v1(folder, limit, used, cached=0):
    return {
        f"{folder}memory.limit_in_bytes": limit,
        f"{folder}memory.usage_in_bytes": used,
        f"{folder}memory.stat": f"inactive_file 1\ntotal_inactive_file {cached}",
    }


V1 = "9:name=systemd:/\n4:memory:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("of_process", "files", "expected"),
    [
        # Version 2: as a container sees itself, in a group of its own, and by the host's path.
        ("0::/\n", v2("", 2 * GB, 5 * 10**8), 1.5 * GB),
        ("0::/app\n", v2("app/", 2 * GB, 5 * 10**8), 1.5 * GB),
        ("0::/host/path/abc\n", v2("", 2 * GB, 5 * 10**8), 1.5 * GB),
        ("0::/../other\n", v2("", 2 * GB, 5 * 10**8), 1.5 * GB),
        # A group inside another has no more than that.
        ("0::/a/b\n", v2("a/", 1 * GB, 4 * 10**8) | v2("a/b/", 3 * GB, 1 * 10**8), 0.6 * GB),
        ("0::/a/b\n", v2("a/", 3 * GB, 0) | v2("a/b/", "max", 0), 3 * GB),
        # What is only cached can be given back; above "high" a process is slowed down.
        ("0::/\n", v2("", 2 * GB, 15 * 10**8, cached=10**9), 1.5 * GB),
        ("0::/\n", v2("", 2 * GB, 0, high=GB), GB),
        ("0::/\n", v2("", GB, 2 * GB), 0),
        # Version 1, in the group's own folder or at the root; and both versions beside each other.
        (V1, v1("memory/docker/abc/", 2 * GB, GB, cached=5 * 10**8), 1.5 * GB),
        (V1, v1("memory/", 2 * GB, GB), GB),
        ("4:cpu,memory:/\n", v1("cpu,memory/", 2 * GB, GB), GB),
        ("5:cpu:/x\n0::/\n", v2("unified/", 2 * GB, GB), GB),
        # No limit: as each version writes it, without files, or without a memory controller.
        ("0::/\n", v2("", "max", GB), float("inf")),
        (V1, v1("memory/", 9223372036854771712, GB), float("inf")),
        (V1, {}, float("inf")),
        ("5:cpu:/\n", v1("memory/", 2 * GB, GB), float("inf")),
        ("0::/\n", {"memory.max": "what?"}, float("inf")),
    ],
)
def test_free_memory_of_a_container(groups, of_process, files, expected):
    assert groups(of_process, files) == expected


def test_a_container_bounds_the_default_budget(groups):
    free = memory.available_bytes()
    assert groups("0::/\n", v2("", 10**8, 4 * 10**7)) == 6e7 < free
    assert memory.available_bytes() == 6e7
    assert memory.default_memory_budget() == 4e7


def test_without_control_groups_the_machine_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_limits, "PROCESS_GROUPS", tmp_path / "missing")
    assert memory_limits.free_below_limits() == float("inf")
    assert memory.available_bytes() > 0


LIMITED = """
import resource, psutil
from impasto.runtime import memory, memory_limits
before = memory.available_bytes()
limit = psutil.Process().memory_info().vms + 600_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
first = memory_limits.free_below_limits()
held = bytearray(200_000_000)
print(before, first, memory_limits.free_below_limits(), memory.default_memory_budget())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not enforce it, Windows has none")
def test_a_limit_on_the_address_space_counts():
    answer = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True)
    before, first, second, budget = map(float, answer.stdout.split())
    assert first == pytest.approx(6e8, rel=0.02)
    assert second == pytest.approx(4e8, rel=0.02)
    assert budget == pytest.approx(min(before, 4e8) * 2 / 3, rel=0.02)


# --- running out of it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't "
                     "allocate memory: you tried to allocate 8 bytes. Error code 12"),
        RuntimeError("could not create a primitive"),
        RuntimeError("could not create a primitive descriptor for a convolution primitive"),
        RuntimeError("could not create a memory object"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("unable to mmap 8 bytes from file <x>: Cannot allocate memory (12)"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)  # fmt: skip
def test_out_of_memory_is_recognized_and_becomes_one_sentence(error):
    assert is_out_of_memory(error)
    with (
        pytest.raises(InputDataError, match=r"not enough memory .*size") as caught,
        memory_errors(),
    ):
        raise error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("the shapes do not fit"), OSError(errno.ENOENT, "No such file"), ValueError("x")],
)
def test_other_errors_pass(error):
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)) as caught, memory_errors():
        raise error
    assert caught.value is error


def test_an_error_keeps_no_tensors():
    class Large:
        """Counts those that are held."""

        held = 0

        def __init__(self):
            Large.held += 1

        def __del__(self):
            Large.held -= 1

    def fail():
        large = Large()
        assert large.held == 1
        raise MemoryError

    with pytest.raises(InputDataError), memory_errors():
        fail()
    assert Large.held == 0


REAL = """
import resource, sys, numpy, psutil, torch
from impasto.runtime.memory import is_out_of_memory
layer, x = torch.nn.Conv2d(64, 64, 3), torch.ones(1, 64, 256, 256)
layer(x[..., :8, :8])
limit = psutil.Process().memory_info().vms + 20_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for task in (
    lambda: torch.ones(10**8), lambda: numpy.ones(10**8), lambda: bytearray(10**8), lambda: layer(x)
):
    try:
        task()
    except Exception as error:
        print(is_out_of_memory(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not enforce it, Windows has none")
def test_what_really_happens_without_address_space_is_recognized():
    program = textwrap.dedent(REAL)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.split() == ["True"] * 4, answer.stderr


def test_the_reason_is_short():
    error = RuntimeError("[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't "
                         "allocate memory: you tried to allocate 5308416 bytes.")  # fmt: skip
    assert memory.reason_of(error) == "5 MB could not be allocated"
    assert memory.reason_of(MemoryError()) == "out of memory"
    assert memory.reason_of(RuntimeError("std::bad_alloc\nat 0x1")) == "std::bad_alloc"
