"""Time and memory of everything heavy, on Amazon Beauty, beside the public ways. See README.md."""
