"""Find in rows what benchmarks hold: equal texts, shared n-grams, near-copied queries."""
