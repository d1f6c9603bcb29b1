"""What is drawn of a result, whichever library draws it: coordinates, scales, labels and hover texts."""
