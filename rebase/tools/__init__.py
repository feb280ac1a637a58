"""The external programs: one module each, all over `process`."""
