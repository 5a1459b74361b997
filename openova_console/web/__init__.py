"""What people see: pages, components, states, the live hub. No rule, no SQL, no HTTP."""
