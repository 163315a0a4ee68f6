"""Model to labelled arrays: predictions and scores."""
