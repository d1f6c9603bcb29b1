"""Raw interactions and metadata of many formats, read into the same tables, and prepared as a data set."""
