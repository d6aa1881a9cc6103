"""What pyproject.toml cannot say: `conf/`, at the top of the checkout, travels in the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["autoencoder*"]), "autoencoder.conf"],
    package_dir={"autoencoder.conf": "conf"},
)
