"""The chat's own HTTP routes, as its Next.js app serves them."""
