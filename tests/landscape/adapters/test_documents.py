"""What the guide and the README show of a GPT-2 runs, and prints what they say."""

import contextlib
import io

import pytest

from tests.project.test_docs import ROOT, blocks, read, shows
from tests.support.transformers_library import transformers


@pytest.mark.slow
def test_the_lines_for_a_gpt2_print_what_is_shown():
    transformers()
    guide, readme = blocks(read(ROOT / "docs" / "guides" / "library.md")), blocks(read(ROOT / "README.md"))
    namespace = {"__name__": "__main__"}
    exec(next(block for info, block in guide if info == "python"), namespace)  # noqa: S102 (our own documents)
    for page in (guide, readme):
        at = next(index for index, (info, _) in enumerate(page) if info == "py")
        (_, block), (info, shown) = page[at : at + 2]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(block, namespace)  # noqa: S102
        assert info == "text"
        assert shows(shown, out.getvalue()), out.getvalue()
