"""A trained model in use: in Python, on the command line, and taken elsewhere.

A run is loaded from its directory alone, which may be somebody else's. How it was trained is in
`experiment`, how it compares with others in `report`.
"""

from autoencoder.trained.arrays import InputError
from autoencoder.trained.run import Run, load
from autoencoder.trained.table import results

__all__ = ["InputError", "Run", "load", "results"]
