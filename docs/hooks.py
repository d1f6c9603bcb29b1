"""What mkdocs does beyond its settings: pages from outside docs/, a page for each room's code, and a check."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
INDEX = ROOT / "README.md"
OUTSIDE = (
    "*.md",
    "CITATION.cff",
    "LICENSE",
    "benchmarks/README.md",
    "benchmarks/results.json",
    "examples/*.py",
    "examples/*.ipynb",
)
LINK = re.compile(r"(\]\()([^)\s:#]+)")
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def pages() -> dict[str, str]:
    """A page for each folder of code: its path on the site and its text, which mkdocstrings fills."""
    folders: dict[str, list[str]] = {}
    for folder, _, names in os.walk(ROOT / "landscape", followlinks=True):
        package = ".".join(Path(folder).relative_to(ROOT).parts)
        for name in sorted(names):
            if name.endswith(".py") and name != "__main__.py" and Path(folder, name).stat().st_size:
                folders.setdefault(package, []).append(f"{package}.{name[:-3]}".removesuffix(".__init__"))
    texts = {folder: "".join(f"::: {module}\n" for module in modules) for folder, modules in sorted(folders.items())}
    texts["landscape"] = f"Public names:\n\n{public_names()}\n{texts['landscape']}"
    return {f"api/{folder}.md": f"# {folder}\n\n{text}" for folder, text in texts.items()}


def public_names() -> str:
    """A list of the names in the stub, with links to where they are documented."""
    stub = ast.parse((ROOT / "landscape" / "__init__.pyi").read_text(encoding="utf-8"))
    names = {
        alias.name: f"landscape.{node.module}.{alias.name}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if not alias.name.startswith("_")
    }
    return "".join(f"- [`{name}`][{place}]\n" for name, place in sorted(names.items()))


class Docstrings(griffe.Extension):
    """Reads ``Example:`` as what griffe calls ``Examples:``, that is, as code; and ``::`` before code as in reST."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the text before it is parsed."""
        if obj.docstring is not None:
            text = re.sub(r"^(\s*)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)


def on_config(config: MkDocsConfig) -> None:
    """List the pages of the code."""
    for entry in config.nav or []:
        if "API" in entry:
            entry["API"] = [*pages()]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that are not files of docs/."""
    files.append(File.generated(config, "index.md", content=INDEX.read_text(encoding="utf-8")))
    for pattern in OUTSIDE:
        for path in sorted({*ROOT.glob(pattern)} - {INDEX}):
            place = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, place, content=path.read_text(encoding="utf-8")))
    for place, text in pages().items():
        files.append(File.generated(config, place, content=text))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Point links to where the site has their targets."""
    here = page.file.src_uri
    source = INDEX if here == "index.md" else ROOT / here if (ROOT / here).exists() else ROOT / "docs" / here

    def moved(match: re.Match[str]) -> str:
        target = (source.parent / match[2]).resolve()
        if not target.is_relative_to(ROOT):
            return match[0]
        place = target.relative_to(ROOT / "docs" if target.is_relative_to(ROOT / "docs") else ROOT)
        place = Path("index.md") if target == INDEX else place
        return match[1] + Path(os.path.relpath(place, Path(here).parent)).as_posix()

    return LINK.sub(moved, markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse pages that load anything from the network.

    Raises:
        PluginError: A page has a script, a style, a picture or a frame of another host.
    """
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        if (loaded := LOADED.search(path.read_text(encoding="utf-8"))) and 'rel="canonical"' not in loaded[0]:
            raise PluginError(f"{path} loads from the network: {loaded[0]}")
