"""What MicroShift wants changed, one small named step a module."""
