"""Many runs as one experiment: methods × data sets × seeds, their statistics, and verdicts on claims."""
