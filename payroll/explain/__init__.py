"""Explain a paycheck: from net pay down to each cent, out of what is stored."""
