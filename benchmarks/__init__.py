"""What the harness itself costs, measured on whole real runs."""
