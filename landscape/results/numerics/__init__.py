"""What results are made of: types of arrays, and numbers with confidence intervals."""
