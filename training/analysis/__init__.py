"""From a checkpoint to the geometry of its loss: surfaces and curvatures, computed once and then read."""
