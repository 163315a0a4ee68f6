"""Windows to batches: NumPy, TensorFlow."""
