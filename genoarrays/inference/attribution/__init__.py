"""Which bases and values a prediction is due to."""
