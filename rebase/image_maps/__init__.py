"""The RHOAI operators' image tables: one JSON file a version (component → key → env)."""
