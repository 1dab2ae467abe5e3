"""What people see: diagnostics with excerpts, tables, JSON."""
