"""The data that figures draw, for both libraries: coordinates, scales, labels and hover texts."""
