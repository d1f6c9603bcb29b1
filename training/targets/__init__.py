"""What is analysed: a checkpoint, or a user's own problem, with its loss, its data and what lies beside it."""
