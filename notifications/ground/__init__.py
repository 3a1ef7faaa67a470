"""What every room above stands on: metrics, limits, database threads, supervised tasks."""
