"""Monitoring, and the orders of operators."""
