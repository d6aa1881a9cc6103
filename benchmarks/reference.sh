#!/bin/sh
# Repeats the reference table: every model, three seeds, 20 epochs, on the real images.
#
#   sh benchmarks/reference.sh                            # into multirun/reference_again
#   sh benchmarks/reference.sh hydra/launcher=joblib hydra.launcher.n_jobs=2
#
# Hours on two CPU cores. Run it again after an interruption: what is finished is not run again.
set -e
cd "$(dirname "$0")/.."
name=${NAME:-reference_again}
train() { python train.py -m name="$name" "$@"; }

for seed in 0 1 2; do
  train seed=$seed model=baseline,compact4layer noise=none,gaussian "$@"
  train seed=$seed model=residual model.latent_dim=32,64,128 "$@"
  train seed=$seed model=overcomplete noise=gaussian 'noise.std=[0.0,0.6]' "$@"
  train seed=$seed model=vae,conditional_vae "$@"
done
python evaluate.py run="multirun/$name" max_points=1500
