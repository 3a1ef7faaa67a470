"""
The wheel holds the folder notifications/, as the package sync_cable, and nothing else.

The packages are found here and not in pyproject.toml, which cannot find packages under another name: a new
folder is in the wheel without being listed. Everything else is in pyproject.toml.
"""

from setuptools import find_packages, setup

SOURCE = "notifications"
INSTALLED_AS = "sync_cable"

setup(
    package_dir={INSTALLED_AS: SOURCE},
    packages=[INSTALLED_AS, *(f"{INSTALLED_AS}.{found}" for found in find_packages(SOURCE))],
)
