"""How results show themselves: names to read, tables, data frames, pictures in a notebook."""
