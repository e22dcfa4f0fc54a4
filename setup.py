"""The one thing pyproject.toml cannot say: the folders semantics, targets and proofs are imported below p4verify."""

from setuptools import find_packages, setup

PARTS = ("semantics", "targets", "proofs")

setup(
    packages=[
        "p4verify",
        *(f"p4verify.{sub}" for sub in find_packages("p4verify", exclude=[f"{part}*" for part in PARTS])),
        *(f"p4verify.{part}" for part in PARTS),
        *(f"p4verify.{part}.{sub}" for part in PARTS for sub in find_packages(part)),
    ],
    package_dir={f"p4verify.{part}": part for part in PARTS},
)
