"""The examples for clusters: KubeRay's is a RayJob, SLURM's a script of bash with its options."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.poison import waited
from impasto.cli.main import _parser

EXAMPLES = Path(__file__).parents[2] / "examples" / "batch"


def arguments(command: str):
    """The command of an example, as the program itself parses it."""
    words = shlex.split(command)
    assert words[:2] == ["impasto", "batch"]
    return _parser("batch").parse_args(words[1:])


def test_kuberay():
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((EXAMPLES / "kuberay.yaml").read_text("utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", job["metadata"]["name"])
    spec = job["spec"]
    known = {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit",
             "submissionMode", "rayClusterSpec"}  # fmt: skip
    assert spec.keys() <= known  # of the RayJob resource
    parsed = arguments(spec["entrypoint"])
    cluster = spec["rayClusterSpec"]
    groups = cluster["workerGroupSpecs"]
    assert parsed.workers == sum(group["maxReplicas"] for group in groups) == 1000
    assert (parsed.address, parsed.device) == ("auto", "cuda")  # no GPU is there at first
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in [cluster["headGroupSpec"], *groups]:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        names = {volume["name"] for volume in pod.get("volumes", [])}
        (container,) = pod["containers"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= names
    (worker,) = groups[0]["template"]["spec"]["containers"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert groups[0]["minReplicas"] <= groups[0]["replicas"] <= groups[0]["maxReplicas"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_slurm():
    path = EXAMPLES / "slurm.sh"
    text = path.read_text("utf-8")
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=20)
    options = dict(
        word.partition("=")[::2] for word in re.findall(r"^#SBATCH --(\S+)$", text, re.MULTILINE)
    )
    assert int(options["nodes"]) * int(options["gpus-per-node"]) == 1000
    assert options["signal"].startswith("B:TERM@")
    assert "requeue" in options
    command = re.search(r"^ +(impasto batch .+) &$", text, re.MULTILINE)[1]
    assert arguments(command).to == "tar"


STUBS = {
    "scontrol": 'if [ "$1" = requeue ]; then echo "$2" > requeued; else echo one; echo two; fi',
    "srun": 'while [[ "$1" == --* ]]; do shift; done; exec "$@"',
    "hostname": "echo 10.0.0.1",
    "ray": 'echo "$@" >> ray.log',
    "impasto": """
echo "$@" > command
if [ -n "${LONG:-}" ]; then
  trap 'exit 130' TERM
  touch begun
  for _ in $(seq 300); do sleep 0.1; done
fi
exit "${CODE:-0}"
""",
}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(("code", "is_long"), [(0, False), (2, False), (130, True)])
def test_slurm_runs_beside_stand_ins_for_its_tools(tmp_path, code, is_long):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, body in STUBS.items():
        (tools / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tools / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PAUSE": "0",
                   "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_ID": "17", "CODE": str(code),
                   "LONG": "1" if is_long else ""}  # fmt: skip
    process = subprocess.Popen(
        ["bash", str(EXAMPLES / "slurm.sh")], cwd=tmp_path, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if is_long:
        waited((tmp_path / "begun").exists)
        process.terminate()
    assert process.wait(60) == code
    assert (tmp_path / "requeued").exists() == is_long
    assert "--address 10.0.0.1:6379" in (tmp_path / "command").read_text()
    assert len((tmp_path / "ray.log").read_text().splitlines()) == 2
