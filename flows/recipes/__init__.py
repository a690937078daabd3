"""What to make, in which proportion: recipe files, quotas, and the units they draw."""
