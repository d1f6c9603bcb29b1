"""Any text as a cell of a table in Markdown or LaTeX."""

from __future__ import annotations

import re

_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{special: f"\\{special}" for special in "{}$&#_%"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "$-$",
    "–": "--",
    "±": r"$\pm$",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "‖": r"$\|$",
    "≈": r"$\approx$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "λ": r"$\lambda$",
    "ρ": r"$\rho$",
    "τ": r"$\tau$",
    "θ": r"$\theta$",
    "ₘₐₓ": r"$_{\max}$",
    "ₘᵢₙ": r"$_{\min}$",
}
_LATEX_PATTERN = re.compile("|".join(map(re.escape, _LATEX)) + "|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|[₀₁₂₃₄₅₆₇₈₉]+")


def markdown(text: str) -> str:
    """Escape any text for a cell of a Markdown table."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&!$])", r"\\\1", " ".join(text.split()))


def latex(text: str) -> str:
    """Escape any text for a cell of a LaTeX table; Greek letters and powers of ten become formulas."""

    def escaped(match: re.Match[str]) -> str:
        found = match[0]
        if found in _LATEX:
            return _LATEX[found]
        below = found.translate(_SUBSCRIPTS)
        return f"$_{{{below}}}$" if below != found else f"$^{{{found.translate(_SUPERSCRIPTS)}}}$"

    return re.sub(r"(?<!\\)\$\$", "", _LATEX_PATTERN.sub(escaped, " ".join(text.split())))
