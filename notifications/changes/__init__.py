"""What changed: from saves as they are committed, and from the tables."""
