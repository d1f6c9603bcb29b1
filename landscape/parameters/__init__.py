"""Parameters of a model as one vector, whole or sharded, and models whose parameters are set for an evaluation."""
