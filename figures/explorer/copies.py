"""Any text for other places: tables in Markdown and in LaTeX."""

from __future__ import annotations

import re

_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{each: f"\\{each}" for each in "{}$&#_%"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "$-$",
    "–": "--",
    "±": r"$\pm$",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "‖": r"$\|$",
    "λ": r"$\lambda$",
    "ρ": r"$\rho$",
    "θ": r"$\theta$",
    "ₘₐₓ": r"$_{\max}$",
    "ₘᵢₙ": r"$_{\min}$",
}
_LATEX_PATTERN = re.compile("|".join(map(re.escape, _LATEX)) + "|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")


def markdown(text: str) -> str:
    """Any text within a cell of a Markdown table, as itself."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!$])", r"\\\1", " ".join(text.split()))


def latex(text: str) -> str:
    """Any text within a cell of a LaTeX table, as itself; Greek letters and powers of ten as formulas."""

    def escaped(found: re.Match[str]) -> str:
        return _LATEX.get(found[0]) or f"$^{{{found[0].translate(_SUPERSCRIPTS)}}}$"

    return re.sub(r"(?<!\\)\$\$", "", _LATEX_PATTERN.sub(escaped, " ".join(text.split())))
