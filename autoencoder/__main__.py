"""The trained model on the command line: `python -m autoencoder embed run=PATH out=PATH`."""

from autoencoder.cli import trained

if __name__ == "__main__":
    trained()
