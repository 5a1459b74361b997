"""One file per replicated service: takes its evidence out of the snapshot and has the handbook judge it."""
