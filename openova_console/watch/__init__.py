"""What is true now, and how sure are we? Collectors, freshness, the immutable snapshot, recent history."""
