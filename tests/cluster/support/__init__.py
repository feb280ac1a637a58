"""A real API server, a MicroShift in small, and real KServe controllers, as processes."""
