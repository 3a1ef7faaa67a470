"""What Lessy's apps and its composition both stand on. It imports nothing of theirs."""
