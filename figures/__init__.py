"""Pictures of results: interactive (plotly), static (matplotlib) and as self-contained pages.

Everything here is drawn from the results alone, as they are in memory or on disk; no model is needed.
"""
