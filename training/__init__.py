"""Training sequential recommenders: data, batches, losses, optimisers, evaluation and checkpoints."""
