"""Packs a data set into files that need not fit into memory: `python pack.py data=mnist out=X`."""

from autoencoder.cli import pack

if __name__ == "__main__":
    pack()
