"""What operators see: metrics for Prometheus, and logs as lines of JSON.

Neither contains pictures, names of files, ids of jobs, tokens or addresses of clients.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import psutil
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

LOGGER = logging.getLogger("impasto.web")

_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Telemetry:
    """Counters of the service, and its log."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "impasto_requests", "HTTP requests", ("method", "route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._jobs = Counter(
            "impasto_jobs", "Jobs that ended", ("kind", "outcome"), registry=self._registry
        )
        self._seconds = Histogram(
            "impasto_job_seconds", "Seconds of work on a job", ("kind",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._waited = Histogram(
            "impasto_wait_seconds", "Seconds that a job waited", ("kind",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._pixels = Counter(
            "impasto_pixels", "Pixels of results", ("kind",), registry=self._registry
        )
        self._restarts = Counter(
            "impasto_worker_restarts", "Workers started again", ("lane",), registry=self._registry
        )

    def watch(self, gauges: Callable[[], Iterable[GaugeMetricFamily]]) -> None:
        """Ask for these gauges whenever the metrics are read."""
        self._registry.register(_Asked(gauges))

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count and log an HTTP request.

        Args:
            method: Of HTTP.
            route: The pattern of the path, without ids.
            status: Of HTTP.
            seconds: Until its last byte.
        """
        self._requests.labels(method, route, str(status)).inc()
        log("request", method=method, route=route, status=status, seconds=round(seconds, 4))

    def job_began(self, kind: str, seconds: float) -> None:
        """Note how long a job has waited."""
        self._waited.labels(kind).observe(seconds)

    def job_ended(self, kind: str, outcome: str, seconds: float, pixels: int, name: str) -> None:
        """Count and log the end of a job.

        Args:
            kind: Of its request.
            outcome: The state in which it ended.
            seconds: Of work.
            pixels: Of its result.
            name: What logs call it.
        """
        self._jobs.labels(kind, outcome).inc()
        self._seconds.labels(kind).observe(seconds)
        self._pixels.labels(kind).inc(pixels)
        log("job", job=name, kind=kind, outcome=outcome, seconds=round(seconds, 3), pixels=pixels)

    def worker_restarted(self, lane: str) -> None:
        """Count and log a worker that had to be started again."""
        self._restarts.labels(lane).inc()
        log("worker restarted", level=logging.WARNING, lane=lane)

    def text(self) -> bytes:
        """All metrics in the format of Prometheus."""
        return generate_latest(self._registry)


class _Asked(Collector):
    def __init__(self, gauges: Callable[[], Iterable[GaugeMetricFamily]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._gauges()


def gauge(name: str, about: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """A gauge with one label."""
    family = GaugeMetricFamily(f"impasto_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def memory_bytes(pids: Mapping[str, int]) -> dict[str, float]:
    """Name → memory of a process; those that have ended are left out."""
    held = {}
    for name, pid in pids.items():
        with contextlib.suppress(psutil.Error):
            held[name] = float(psutil.Process(pid).memory_info().rss)
    return held


def log(event: str, *, level: int = logging.INFO, **data: Any) -> None:
    """Write one line of the log."""
    LOGGER.log(level, event, extra={"data": data})


class JsonLines(logging.Formatter):
    """One JSON object a line, whatever the message contains."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, also of other libraries."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "data", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


def start_logging() -> None:
    """Send the service's log, and uvicorn's, to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.getLogger().handlers = [handler]  # of other libraries
    for name in (LOGGER.name, "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if name == LOGGER.name else logging.WARNING)
