"""Tests with real tools and, where they are there, real images."""
