"""What this browser shows. Public methods are the events that a person can cause, each with a role."""
