"""A file to a lazy labelled object, and back; one file per format."""
