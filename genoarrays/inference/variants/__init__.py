"""What variants change in predictions."""
