"""How the toolkit is packaged. Settings of the tools (ruff, mypy, pytest) are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
VERSION = re.search(
    r'^__version__ = "([^"]+)"', (ROOT / "landscape" / "version.py").read_text(encoding="utf-8"), re.MULTILINE
)
if VERSION is None:
    raise RuntimeError('landscape/version.py has no line __version__ = "..."')

setup(
    name="landscape-toolkit",  # `landscape` is another project's name on the package index; the import is `landscape`
    version=VERSION[1],
    description="Train sequential recommenders and look at the landscape of their loss: surfaces, Hessian eigenvalues.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    keywords=["loss landscape", "Hessian", "sharpness-aware minimization", "sequential recommendation", "PyTorch"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Visualization",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    # landscape/ links to models/, training/, figures/, commands/ and cli.py: one package, nothing else, is installed.
    package_dir={"": "."},  # an editable installation is then a path, which type checkers and editors follow
    packages=find_packages(include=["landscape", "landscape.*"]),
    package_data={
        "landscape": ["py.typed", "__init__.pyi"],
        "landscape.figures.explorer": ["templates/*", "scripts/*", "styles/*"],
        "landscape.figures.explorer.bundle": ["*.js"],
        "landscape.figures.study": ["templates/*", "scripts/*", "styles/*"],
        "landscape.training.study": ["*.toml"],
        "landscape.training.optim": ["__init__.pyi"],
        "landscape.problems": ["templates/*"],
    },
    entry_points={"console_scripts": ["landscape = landscape.cli:main"]},
    install_requires=[
        "torch>=2.5",
        "numpy>=1.26",
        "scipy>=1.11",
        "matplotlib>=3.11",
        "pillow>=10.0",
        "plotly>=6.0",
        "jinja2>=3.1",
        "lazy_loader>=0.4",
        "click>=8.2",
        "rich>=13.0",
        "polars>=1.21",
        "platformdirs>=3.0",
        "filelock>=3.12",
        "psutil>=5.9",
    ],
    extras_require={
        "test": [
            "pytest>=8.0",
            "pytest-xdist>=3.5",
            "hypothesis>=6.100",
            "playwright>=1.45",
            "axe-playwright-python>=0.1",  # carries axe-core
            "websockets>=13.0",  # to Firefox
            "curvlinops-for-pytorch>=3.0",
            "pytorch-optimizer>=3.0",
            "transformers>=5.0",
            "pandas>=2.2",  # to_dataframe and to_xarray make what these two have
            "xarray>=2024.7",
            "gudhi>=3.8",  # persistence, as an independent reference
            "setuptools>=77",  # the wheel is built and installed in a test
        ],
        "examples": [  # for the notebooks and the language model
            "transformers>=5.0",
            "accelerate>=1.1",
            "peft>=0.13",
            "scikit-learn>=1.4",
            "nbclient>=0.10",
            "nbformat>=5.10",
            "ipykernel>=6.29",
        ],
        "lint": ["ruff>=0.12", "mypy>=1.15", "types-psutil", "pre-commit>=4.0"],
        "docs": ["mkdocs>=1.6", "mkdocs-material>=9.6", "mkdocstrings>=0.28", "mkdocstrings-python>=1.14"],
        "bench": ["pyhessian", "hessian-eigenthings>=1.0.0a1", "loss-landscapes"],
    },
)
