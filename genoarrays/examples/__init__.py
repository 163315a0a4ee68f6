"""Arrays and regions to windows."""
