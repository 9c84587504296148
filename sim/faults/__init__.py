"""Fault-injection campaigns and resilience metrics."""
