"""Limits on the memory of a process that are lower than the machine's: containers, ``ulimit -v``.

A container is a control group of Linux. Version 2 has one tree of groups, version 1 one tree for
memory alone; both keep limit and usage in small files. A limit of a group holds for all groups
below it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CGROUP_ROOT = Path("/sys/fs/cgroup")
"""Where control groups are mounted."""

PROCESS_GROUPS = Path("/proc/self/cgroup")
"""Which control groups this process belongs to."""

_NO_LIMIT = 2**60
"""Version 1 writes "no limit" as a number near 2⁶³."""


def free_below_limits() -> float:
    """Bytes that the process may still take under the limits on it; infinite without limits."""
    return min(_free_in_groups(), free_address_space())


def _free_in_groups() -> float:
    """The least that is free in the control groups of the process, infinite without limits."""
    return min(map(_free_in_group, _groups()), default=float("inf"))


def _groups() -> Iterator[Path]:
    """The folders of the memory groups of the process, each followed by those that contain it."""
    try:
        lines = PROCESS_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            roots = [CGROUP_ROOT, CGROUP_ROOT / "unified"]
        elif "memory" in controllers.split(","):
            roots = [CGROUP_ROOT / "memory", CGROUP_ROOT / controllers]
        else:
            continue
        inner = PurePosixPath(path.lstrip("/"))
        # Inside a container the path is often that of the host, and only the root is mounted.
        for root in roots:
            yield from (
                root / place for place in (inner, *inner.parents) if ".." not in place.parts
            )


def _free_in_group(folder: Path) -> float:
    """Limit less usage of a group; files that are only cached do not count as used."""
    for limits, usage, cached in (
        (("memory.max", "memory.high"), "memory.current", "inactive_file"),
        (("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit = min(_number(folder / name, default=_NO_LIMIT) for name in limits)
        if limit < _NO_LIMIT:
            used = _number(folder / usage, default=0) - _statistic(folder / "memory.stat", cached)
            return max(0.0, limit - max(0, used))
    return float("inf")


def _number(path: Path, *, default: int) -> int:
    """The number in a file; the default for "max", or without such a file."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return default


def _statistic(path: Path, name: str) -> int:
    """One line of a file of names and numbers; 0 without it."""
    try:
        for line in path.read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    except (OSError, ValueError):
        pass
    return 0


def free_address_space() -> float:
    """Bytes left below the limit on the address space (``ulimit -v``); infinite without one."""
    if sys.platform == "win32":
        return float("inf")
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY or limit >= _NO_LIMIT:
        return float("inf")
    import psutil  # takes time, and most processes have no such limit

    return float(max(0, limit - psutil.Process().memory_info().vms))
