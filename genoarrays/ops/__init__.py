"""Arrays to arrays: sequence encodings."""
