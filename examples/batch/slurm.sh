#!/usr/bin/env bash
# A batch on a SLURM cluster: a Ray cluster over the nodes of the job, and the command on the first.
#   sbatch examples/batch/slurm.sh
# When the time is over, SLURM sends SIGTERM two minutes before: the batch stops cleanly and the job
# is queued again, which goes on where it was.
#SBATCH --job-name=impasto-batch
#SBATCH --nodes=125
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=48
#SBATCH --mem=0
#SBATCH --time=12:00:00
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -euo pipefail

input=${INPUT:-/shared/pictures/manifest.parquet}
output=${OUTPUT:-/shared/painted}
port=${PORT:-6379}
pause=${PAUSE:-20} # seconds for Ray to start

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address="$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | cut -d' ' -f1):$port"
export RAY_USAGE_STATS_ENABLED=0

srun --nodes=1 --ntasks=1 --nodelist="$head" --gpus-per-node=8 --overlap \
  ray start --head --port="$port" --block &
sleep "$pause"
if ((${#nodes[@]} > 1)); then
  others=$(IFS=, && echo "${nodes[*]:1}")
  srun --nodes=$((${#nodes[@]} - 1)) --ntasks-per-node=1 --nodelist="$others" --overlap \
    ray start --address="$address" --block &
  sleep "$pause"
fi

# In the background, so that this shell hears SIGTERM and passes it on.
srun --nodes=1 --ntasks=1 --nodelist="$head" --overlap \
  impasto batch "$input" "$output" --style great-wave --to tar --address "$address" &
batch=$!
trap 'kill -TERM "$batch"' TERM
code=0
wait "$batch" || code=$?
while kill -0 "$batch" 2>/dev/null; do # SIGTERM has ended the wait, and not the batch
  code=0
  wait "$batch" || code=$?
done
if ((code == 130)); then # stopped in the middle
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
