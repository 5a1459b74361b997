"""One collector per source and region: reads the platform, puts readings into the snapshot, judges nothing."""
