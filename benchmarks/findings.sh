#!/bin/sh
# Trains the runs that docs/findings.md speaks of beside those of benchmarks/reference.sh: one seed
# each, 20 epochs, about an hour of one core. The same command goes on after a stop.
set -eu
cd "$(dirname "$0")/.."
train() { python train.py -m name=findings "$@"; }
train model=baseline noise=gaussian noise.std=0.1,0.2,0.4,0.5,0.6
train model=dense model.latent_dim=2,4,8,16,32,64,128,256,512
train model=baseline 'model.channels=[16,32,2],[16,32,32]'
# Ten classes, each alone, three seeds.
python train.py name=odd experiment=one_class seed=0,1,2
python evaluate.py run=multirun/odd
