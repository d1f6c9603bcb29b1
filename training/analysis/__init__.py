"""From a checkpoint to the geometry of its loss: surfaces and curvatures, made once and found again."""
