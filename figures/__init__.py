"""Pictures of results: interactive (plotly), static (matplotlib) and as self-contained pages.

Figures are drawn from results in memory or on disk; no model is needed.
"""
