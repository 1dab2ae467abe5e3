"""The one thing pyproject.toml cannot say: packages that are found, together with one that is mapped."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["cnndsl", "cnndsl.*"]), "cnndsl.grammar"])
