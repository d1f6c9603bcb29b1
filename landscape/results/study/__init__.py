"""A study's results: the record of its runs, the report made of it, and its tables as text."""
