"""The Transformers library, where it is installed."""

import importlib
import sys
from types import ModuleType

import pytest


def transformers() -> ModuleType:
    """Return the library; a test that needs it is skipped without."""
    try:
        importlib.import_module("torchvision")
    except ImportError:
        pass
    except RuntimeError:  # it was built for another torch: Transformers does without, but not with one that fails
        sys.modules["torchvision"] = None  # type: ignore[assignment]
    return pytest.importorskip("transformers", reason="models of the Transformers library are tested with it")
