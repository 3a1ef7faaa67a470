"""Who watches it, and the orders that operators give."""
