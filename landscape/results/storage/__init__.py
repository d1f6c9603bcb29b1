"""Results on disk: their kinds, what their files may hold, and how files are written and replaced."""
