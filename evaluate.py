"""Reports on a run or a sweep: `python evaluate.py run=multirun/2026-11-22_10-00-00`."""

from autoencoder.cli import evaluate

if __name__ == "__main__":
    evaluate()
