"""The labelled, lazy, out-of-core genome for machine learning."""
