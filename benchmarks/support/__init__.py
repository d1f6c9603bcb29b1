"""What several benchmarks need: measuring, settings, tables."""
