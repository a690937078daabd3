"""Read data made elsewhere: triples in any common layout, and benchmarks to keep out."""
