"""Model to labelled arrays: predictions."""
