"""From a run directory to an account of every message, figures, a verdict and pages for people."""
