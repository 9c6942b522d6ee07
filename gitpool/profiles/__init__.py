"""What people do with pools and profiles: the use cases, above storage and git."""
