import subprocess
import sys

import pytest

import landscape


def test_all_public_names_are_there():
    for name in landscape.__all__:
        assert getattr(landscape, name) is not None
    assert set(landscape.__all__) <= set(dir(landscape))
    with pytest.raises(AttributeError, match="attribute '?surfac"):
        landscape.surfac  # noqa: B018


def test_importing_the_package_loads_no_torch():
    """Names come when asked for, so that a command's --help answers at once."""
    program = "import sys, landscape; sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'scipy')))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
