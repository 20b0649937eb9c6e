"""Training: regimes, feature cache, checkpoints, run records."""
