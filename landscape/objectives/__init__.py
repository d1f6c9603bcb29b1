"""The loss as a function of a flat vector of parameters: values, derivatives, coordinates, directions."""
