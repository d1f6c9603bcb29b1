"""What is drawn of a curvature and a sharpness."""
