"""Tests with a real API server and real KServe controllers, where they are built."""
