"""What pyproject.toml cannot say: what lies at the top of the checkout and travels in the package.

That is `conf/`, and of the reference runs what `autoencoder.load` and `autoencoder.results` read.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["autoencoder*"]),
        "autoencoder.conf",
        "autoencoder.reference",
    ],
    package_dir={"autoencoder.conf": "conf", "autoencoder.reference": "multirun/reference"},
)
