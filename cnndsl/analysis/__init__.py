"""What can be said about a network without running it."""
