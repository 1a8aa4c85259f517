"""Waiting threads spin while the program is alone, and sleep beside others."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import torch

from impasto.runtime import contention

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only libgomp on Linux is changed")

BURNT = """
import contextlib
import time

import torch

from impasto.runtime.contention import short_waits

torch.set_num_threads(2)


def burnt():
    torch.ones(1 << 18).add_(1)
    before = time.process_time()
    time.sleep(0.5)
    return time.process_time() - before


burnt()
with short_waits():
    burnt()
    least = min(burnt() for _ in range(2))
after = max(burnt() for _ in range(2))  # the team ends a moment later
print(least, after)
"""


@LINUX
@pytest.mark.skipif(os.cpu_count() == 1, reason="waiting threads never spin on one core")
def test_waiting_threads_sleep_within_the_block_and_spin_after_it() -> None:
    """CPU time of half a second in which nothing is done."""
    environment = {**os.environ, "GOMP_SPINCOUNT": "100000000000", "OMP_NUM_THREADS": "2"}
    printed = subprocess.run(
        [sys.executable, "-c", BURNT], env=environment, capture_output=True, text=True, timeout=120
    )
    asleep, spinning = map(float, printed.stdout.split())
    assert asleep < 0.05 < 2 * 0.05 < spinning


@LINUX
def test_waiting_for_a_core_is_counted() -> None:
    """More busy processes than cores: this one waits for a core."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        before = contention.waited_seconds()
        for _ in range(200):
            torch.ones(300, 300) @ torch.ones(300, 300)
        assert contention.waited_seconds() > before
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_waits_are_short_from_the_first_contention_until_a_calm_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes: list[bool] = []

    @contextlib.contextmanager
    def shorten() -> Iterator[None]:
        changes.append(True)
        yield
        changes.append(False)

    monkeypatch.setattr(contention, "_threads", lambda: 2)
    waits = contention._Waits(shorten)
    found = []
    for share in (0.0, 0.02, 0.05, 0.3, 0.3, 0.0, 0.0, 0.0, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3):
        waits.observe(share, others=1.0)
        found.append(waits.are_short)
    assert found == [False] * 3 + [True] * 9 + [False] * 2 + [True]
    assert changes == [True, False, True]
    for _ in range(4):  # what is left are waits of its own threads
        waits.observe(0.3, others=0.02)
    assert not waits.are_short
    waits.observe(0.3, others=0.02)
    assert not waits.are_short


@LINUX
def test_work_of_other_processes_is_counted() -> None:
    """That of this process is not."""

    def used(seconds: float) -> float:
        before, until = contention._Sample.now(), time.monotonic() + seconds
        while time.monotonic() < until:
            pass
        return contention._Sample.now().others - before.others

    program = "import time; t = time.process_time()\nwhile time.process_time() < t + 0.5: pass"
    before = contention._Sample.now()
    subprocess.run([sys.executable, "-c", program], check=True)
    assert contention._Sample.now().others - before.others > 0.4
    assert min(used(0.5) for _ in range(5)) < 0.45 + 0.5 * ((os.cpu_count() or 1) - 1)


CHANGED = """
import os
import sys
import threading

from impasto.cli.main import run

try:
    run({arguments})
except SystemExit:
    pass
names = [thread.name for thread in threading.enumerate()]
print(os.environ.get("GOMP_SPINCOUNT"), "impasto-contention" in names, file=sys.stderr)
"""


@LINUX
@pytest.mark.parametrize(
    ("arguments", "given", "expected"),
    [
        (None, {}, "100000 True"),
        (None, {"OMP_WAIT_POLICY": "passive"}, "None False"),
        (None, {"GOMP_SPINCOUNT": "7"}, "7 False"),
        (None, {"GOMP_SPINCOUNT": "100000"}, "100000 False"),
        (None, {"GOMP_SPINCOUNT": "100000", "IMPASTO_SPINCOUNT": "100000"}, "100000 True"),
        (["--version"], {}, "None False"),
    ],
)
def test_only_the_program_itself_changes_it_and_only_if_the_user_has_not(
    arguments: list[str] | None, given: dict[str, str], expected: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in contention._CHOSEN_BY_USER}
    printed = subprocess.run(
        [sys.executable, "-c", CHANGED.format(arguments=arguments), "--version"],
        env=environment | given, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert printed.stderr.splitlines()[-1] == expected
