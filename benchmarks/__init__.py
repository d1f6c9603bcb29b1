"""Time and memory of everything heavy, on Amazon Beauty, compared with public implementations. See README.md."""
