"""Arrays with regions as labelled tracks."""
