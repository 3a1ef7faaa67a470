"""What the other packages build on: metrics, limits, database threads, supervised tasks."""
